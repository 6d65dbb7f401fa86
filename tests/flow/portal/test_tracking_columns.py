"""Columns of an uploaded file are matched with fields, the choice is remembered, and the file waits meanwhile."""

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless
from waypost.keeper.keeper import Keeper
from waypost.store.uploaded_file_changes import MOST_MAPPINGS

IMPORT, PATH = "/trackings/import", "/trackings/import/columns"
EXPORT = (
    "Order;Tracking No.;Carrier;Weight\r\n1001;A1;UPS;2 kg\r\n1002;A2;DHL Express;\r\n1003;A3;usps;\r\n1004;A4;ups;\r\n"
)


async def upload(browser: Browser, text: str = EXPORT) -> Document:
    """Upload a file whose columns must be matched, and return the page that asks."""
    answer = await browser.post(IMPORT, form={}, files={"file": ("export.csv", text.encode(), "text/csv")})
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    return assert_harmless((await browser.get(PATH)).text)


def chosen(page: Document) -> dict[str, str]:
    """Return the chosen heading of each field."""
    found = {}
    for select in page.all("select"):
        options = page.elements[page.elements.index(select) + 1 :]
        for one in options:
            if one.tag == "select":
                break
            if one.tag == "option" and "selected" in one.attributes:
                found[select.attributes["name"]] = one.text
    return found


async def parcels(shop: Caller) -> dict[str, tuple[str, str | None]]:
    found = (await shop.get("/v4/trackings/get")).json()["data"]
    return {one["tracking_number"]: (one["courier_code"], one["order_number"]) for one in found}


async def test_a_file_with_other_headings_is_imported_after_its_columns_were_matched(
    browser: Browser, shop: Caller
) -> None:
    page = await upload(browser)
    guessed = chosen(page)
    before = await parcels(shop)
    answer = await browser.post(
        PATH, form={"column-tracking_number": "1", "column-courier_code": "2", "column-order_number": "0"}
    )

    assert guessed == {
        "column-tracking_number": "Tracking No.",
        "column-courier_code": "Carrier",
        "column-order_number": "Order",
    }
    assert [cell.text for cell in page.all("td")][:8] == [
        *("Order", "1001", "1002", "1003"),
        *("Tracking No.", "A1", "A2", "A3"),
    ]
    assert before == {}
    assert answer.status_code == 200
    assert "4 trackings registered" in Document(answer.text).text
    assert await parcels(shop) == {
        "A1": ("ups", "1001"),
        "A2": ("dhl", "1002"),
        "A3": ("usps", "1003"),
        "A4": ("ups", "1004"),
    }


async def test_pasted_rows_are_matched_too(browser: Browser, shop: Caller) -> None:
    answer = await browser.post(IMPORT, form={"rows": "Sendungsnummer\tPaketdienst\r\nA1\tdhl\r\n"})
    assert answer.headers["location"] == PATH

    await browser.post(PATH, form={"column-tracking_number": "0", "column-courier_code": "1"})

    assert await parcels(shop) == {"A1": ("dhl", None)}


async def test_the_last_choice_for_the_same_headings_is_made_again(
    portal: Portal, browser: Browser, shop: Caller
) -> None:
    text = "A;B\n1;X1\n"
    await upload(browser, text)
    await browser.post(PATH, form={"column-tracking_number": "1", "column-title": "0"})
    await portal.account("other@example.com")

    again, others = await upload(browser, text), await upload(await portal.visitor("other@example.com"), text)
    different = await upload(browser, "A;B;C\n1;X1;\n")

    assert chosen(again) == {"column-tracking_number": "B", "column-title": "A"}
    assert chosen(others) == chosen(different) == {}
    assert shop.account


async def test_few_choices_are_remembered_for_an_account(portal: Portal, browser: Browser) -> None:
    for place in range(MOST_MAPPINGS + 2):
        await upload(browser, f"Number {place}\nX{place}\n")
        await browser.post(PATH, form={"column-tracking_number": "0"})

    assert await portal.database.serving.fetchval("select count(*) from column_mapping") <= MOST_MAPPINGS


async def test_rows_with_errors_are_named_by_their_heading_and_skipped_without_another_upload(
    browser: Browser, shop: Caller
) -> None:
    form = {"column-tracking_number": "1", "column-courier_code": "2"}
    await upload(browser, EXPORT.replace("usps", "snail post"))

    refused = await browser.post(PATH, form=form)
    page = assert_harmless(refused.text)
    skipped = await browser.post(PATH, form={**form, "skip": "1"})

    assert refused.status_code == 422
    assert [cell.text for cell in page.all("td")][:2] == ["4", "Carrier"]
    assert chosen(page) == {"column-tracking_number": "Tracking No.", "column-courier_code": "Carrier"}
    assert "3 trackings registered" in Document(skipped.text).text
    assert sorted(await parcels(shop)) == ["A1", "A2", "A4"]


async def test_a_file_that_names_its_fields_can_skip_rows_without_another_upload(
    browser: Browser, shop: Caller
) -> None:
    text = b"tracking_number,courier_code\nA1,dhl\n?,dhl\n"
    answer = await browser.post(IMPORT, form={}, files={"file": ("parcels.csv", text, "text/csv")})
    page = Document(answer.text)
    kept = {one.attributes["name"]: one.attributes["value"] for one in page.all("input", type="hidden")}

    await browser.post(PATH, form={**{name: kept[name] for name in kept if name.startswith("column-")}, "skip": "1"})

    assert "Skip errors and register 1 row" in page.text
    assert sorted(await parcels(shop)) == ["A1"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose the column that has the tracking numbers."),
        ({"column-tracking_number": "4"}, "Must be one of the columns."),
        ({"column-tracking_number": "-1"}, "Must be one of the columns."),
        ({"column-tracking_number": "1", "column-title": "9" * 5_000}, "Must be one of the columns."),
        ({"column-tracking_number": "1", "column-title": "\u0661"}, "Must be one of the columns."),
    ],
)
async def test_a_choice_that_does_not_exist_is_reported_at_its_field(
    browser: Browser, shop: Caller, form: dict[str, str], said: str
) -> None:
    await upload(browser)

    answer = await browser.post(PATH, form=form)

    assert answer.status_code == 422
    assert [one.text for one in Document(answer.text).all("p", **{"class": "error"})] == [said]
    assert await parcels(shop) == {}


async def test_a_file_waits_for_its_own_user_and_an_hour_at_most(
    portal: Portal, browser: Browser, shop: Caller
) -> None:
    await upload(browser)
    await portal.account("other@example.com")
    others = await (await portal.visitor("other@example.com")).get(PATH)
    await portal.database.serving.execute("update uploaded_file set uploaded_at = now() - interval '61 minutes'")

    late = await browser.get(PATH)
    notice = Document((await browser.get(IMPORT)).text).text
    keeper = Keeper(portal.database, portal.pages.context.intake, history_days=30)
    await keeper.run_once()

    assert (others.status_code, others.headers["location"]) == (303, IMPORT)
    assert (late.status_code, late.headers["location"]) == (303, IMPORT)
    assert "Choose the file again" in notice
    assert await portal.database.serving.fetch("select from uploaded_file") == []
    assert await parcels(shop) == {}


async def test_a_row_that_cannot_be_read_is_reported_after_the_columns_were_matched(browser: Browser) -> None:
    page = await upload(browser, 'Order;Nr\n1;A1\n2;"A2\n')

    answer = await browser.post(PATH, form={"column-tracking_number": "1"})

    assert [cell.text for cell in page.all("td")] == ["Order", "1", "Nr", "A1"]
    assert answer.status_code == 422
    assert "unclosed quotation mark" in Document(answer.text).text


async def test_an_imported_file_is_not_kept(portal: Portal, browser: Browser) -> None:
    await upload(browser)

    await browser.post(PATH, form={"column-tracking_number": "1", "column-courier_code": "2"})

    assert await portal.database.serving.fetch("select from uploaded_file") == []
