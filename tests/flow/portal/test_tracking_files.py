"""CSV files on the pages: uploaded or pasted, reported row by row, and downloaded in chunks."""

from collections.abc import AsyncIterator

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless
from waypost.portal.pages.tracking_import import LARGEST_FILE, MOST_LINES, MOST_SHOWN

PATH = "/trackings/import"
HEAD = "tracking_number,courier_code\n"


async def upload(browser: Browser, content: bytes, **form: str):
    return await browser.post(PATH, form=form, files={"file": ("parcels.csv", content, "text/csv")})


async def numbers(shop: Caller) -> list[str]:
    return sorted(one["tracking_number"] for one in (await shop.get("/v4/trackings/get")).json()["data"])


async def test_a_file_is_imported(browser: Browser, shop: Caller) -> None:
    answer = await upload(browser, f"{HEAD}A1,dhl\nA2,ups\n".encode())

    assert answer.status_code == 200
    assert "2 trackings registered" in Document(answer.text).text
    assert await numbers(shop) == ["A1", "A2"]


async def test_the_example_file_can_be_imported(browser: Browser, shop: Caller) -> None:
    example = await browser.get(f"{PATH}/example.csv")

    answer = await upload(browser, example.content)

    assert example.headers["content-disposition"] == 'attachment; filename="parcels.csv"'
    assert answer.status_code == 200
    assert await numbers(shop) == ["00340434161094042557", "1Z999AA10123456784"]


async def test_rows_of_a_spreadsheet_can_be_pasted(browser: Browser, shop: Caller) -> None:
    answer = await browser.post(PATH, form={"rows": "tracking_number\tcourier_code\r\nA1\tdhl\r\n"})

    assert (answer.status_code, await numbers(shop)) == (200, ["A1"])


async def test_invalid_rows_are_reported_individually_and_nothing_is_imported(browser: Browser, shop: Caller) -> None:
    answer = await browser.post(PATH, form={"rows": f"{HEAD}A1,dhl\n?,dhl\n<b>,dhl\n"})

    page = Document(answer.text)
    assert (answer.status_code, await numbers(shop)) == (422, [])
    assert "Nothing was imported" in page.text
    assert [cell.text for cell in page.all("td")][::3] == ["3", "4"]
    assert "?,dhl" in page.all("textarea")[0].text
    assert_harmless(answer.text)


async def test_invalid_rows_can_be_omitted(browser: Browser, shop: Caller) -> None:
    answer = await upload(browser, f"{HEAD}A1,dhl\n?,dhl\n".encode(), skip="1")

    assert (answer.status_code, await numbers(shop)) == (200, ["A1"])
    assert "1 skipped" in Document(answer.text).text


async def test_of_many_invalid_rows_the_first_are_shown(browser: Browser) -> None:
    answer = await upload(browser, (HEAD + "?,dhl\n" * (MOST_SHOWN + 7)).encode())

    assert len(Document(answer.text).all("tr")) == MOST_SHOWN + 1
    assert "And 7 more." in Document(answer.text).text


async def test_a_missing_file_is_reported(browser: Browser) -> None:
    answer = await browser.post(PATH, form={"rows": " "})

    assert answer.status_code == 422
    assert "Choose a file, or paste rows." in Document(answer.text).text


@pytest.mark.parametrize(
    "content", [b"\x00" * 2_000, b"\xff\xfe" * 500, b'"' * 100_001, "tracking_number".encode("utf-16")]
)
async def test_a_file_that_is_not_csv_is_reported(browser: Browser, shop: Caller, content: bytes) -> None:
    answer = await upload(browser, content)

    assert (answer.status_code, await numbers(shop)) == (422, [])
    assert_harmless(answer.text)


async def test_a_file_that_is_too_large_is_rejected(browser: Browser, shop: Caller) -> None:
    answer = await upload(browser, HEAD.encode() + b"A1,dhl\n" * (LARGEST_FILE // 7))

    assert (answer.status_code, await numbers(shop)) == (413, [])


@pytest.mark.parametrize("end", [b"\n", b"\r"])
async def test_a_file_with_too_many_lines_is_rejected_before_any_is_parsed(
    browser: Browser, shop: Caller, end: bytes
) -> None:
    answer = await upload(browser, end.join([b"tracking_number,courier_code", b"A1,dhl", end * MOST_LINES]))

    assert answer.status_code == 422
    assert f"more than {MOST_LINES:,} lines" in answer.text
    assert await numbers(shop) == []


def part(*lines: bytes, text: bytes = b"") -> bytes:
    return b"\r\n".join((b"--x", *lines, b"", text, b""))


NAMED = b'content-disposition: form-data; name="rows"'
TYPE = b"content-type: text/plain; charset=%b"
NOT_TEXT = (422, "The field rows is not text in UTF-8. Nothing was changed.")
UNREADABLE = {
    "no UTF-8": (part(NAMED, text=b"\xff") + b"--x--\r\n", *NOT_TEXT),
    "an unknown charset": (part(NAMED, TYPE % b"none", text=b"A") + b"--x--\r\n", *NOT_TEXT),
    "another charset": (part(NAMED, TYPE % b"utf-16", text=b"A1") + b"--x--\r\n", *NOT_TEXT),
    "too many": (part(NAMED) * 101 + b"--x--\r\n", 400, "The request has more than 100 fields."),
    "no end": (b"--x\r\n", 400, "The form is malformed or incomplete."),
}


@pytest.mark.parametrize(("body", "status", "says"), UNREADABLE.values(), ids=UNREADABLE)
async def test_malformed_multipart_bodies_are_rejected(browser: Browser, body: bytes, status: int, says: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", "x-csrftoken": await browser.token()}

    answer = await browser.client.post(PATH, content=body, headers={"accept": "text/html", **headers})

    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert says in answer.text


async def test_visitors_who_are_not_signed_in_are_redirected_before_the_body_is_read(portal: Portal) -> None:
    stranger = portal.browser()
    token, read = await stranger.token(), []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b""

    headers = {"content-type": "multipart/form-data; boundary=x", "x-csrftoken": token, "accept": "text/html"}
    answer = await stranger.client.post(PATH, content=body(), headers=headers)

    assert (answer.status_code, answer.headers["location"], read) == (303, "/login", [])


async def test_pages_without_uploads_read_no_files(browser: Browser) -> None:
    answer = await browser.client.post(
        "/developer/apikeys",
        files={"name": ("name", b"A")},
        headers={"accept": "text/html", "x-csrftoken": await browser.token()},
    )

    assert answer.status_code == 422


async def test_an_exported_file_can_be_imported(browser: Browser, shop: Caller) -> None:
    await browser.post(PATH, form={"rows": f"{HEAD}A1,dhl\n"})

    answer = await browser.get("/trackings/export.csv")
    again = await upload(browser, answer.content)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="trackings-')
    assert answer.text.splitlines()[1].startswith("A1,dhl,")
    assert "0 trackings registered" in Document(again.text).text
    assert await numbers(shop) == ["A1"]


async def test_an_export_contains_only_ones_own_parcels(portal: Portal, browser: Browser) -> None:
    other = await portal.account("other@example.com")
    await other.post("/v4/trackings/create", {"tracking_number": "SECRET1", "courier_code": "dhl"})

    assert "SECRET1" not in (await browser.get("/trackings/export.csv")).text
