"""Any input to a page is answered with a page, never with an internal error."""

from collections.abc import Iterable
from typing import Any

import pytest
from litestar._parsers import parse_cookie_string, parse_query_string, parse_url_encoded_form_data
from structlog.testing import capture_logs

from tests.support.api import Caller
from tests.support.visiting import EMAIL, Browser, Portal, assert_harmless
from waypost.app.server import within

HOME = "/developer/webhooks"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
NAMES = (
    *("url", "description", "version", "trigger", "status", "headers", "secret", "body", "email", "password", "next"),
    *("name", "scope", "days", "accent", "embed_origins"),
)


def every_field(value: str) -> bytes:
    return "&".join(f"{name}={value}" for name in NAMES).encode("latin-1")


BODIES: dict[str, tuple[str, bytes]] = {
    "nothing": (FORM, b""),
    "no form": ("application/json", b'{"url": "http://127.0.0.1/"}'),
    "no JSON": ("application/json", b"{"),
    "no type": ("", b"url=x"),
    "an invalid type": ("\xff/;;boundary", b"url=x"),
    "plain text": ("text/plain", b"url=x"),
    "parts": (PARTS, b'--x\r\ncontent-disposition: form-data; name="url"\r\n\r\n\xff\r\n--x--\r\n'),
    "parts without an end": (PARTS, b"--x\r\n"),
    "parts without a boundary": ("multipart/form-data", b"--x\r\n"),
    "broken escapes": (FORM, every_field("%zz%")),
    "no UTF-8": (FORM, every_field("%ff:%ed%a0%80")),
    "bytes as they are": (FORM, every_field("\xff:\xe9")),
    "NUL": (FORM, every_field("a%00:b@x.test")),
    "long": (FORM, every_field("x" * 40_000)),
    "lines": (FORM, every_field("a:%0d%0a" * 5_000)),
    "again and again": (FORM, b"&".join([b"status=delivered&which=some&url=x&email=x&password=x"] * 19)),
    "deep": (FORM, every_field("[" * 60_000)),
    "deep enough": (FORM, every_field("[" * 990 + "]" * 990)),
    "odd signatures": (
        FORM,
        b'body={"verify":[],"verifyInfo":{"timeStr":{},"signature":7}}&secret=%c3%a9&email=%c3%a9',
    ),
    "odd headers": (
        FORM,
        b"secret=%c3%a9&headers=webhook-id:%c3%a9%0awebhook-timestamp:1%0awebhook-signature:v1,%c3%a9",
    ),
    "odd times": (FORM, b"secret=x&headers=timestamp:%d9%a1%0asignature:%c3%a9%0awebhook-timestamp:-1"),
    "huge": (FORM, b"url=" + b"x" * (1 << 20)),
}

QUERIES = (
    *(
        "%",
        "%00",
        "=",
        "&&&",
        "?",
        "a" * 8_000,
        "do=%00",
        "since=%00",
        "until=9999-12-31T23:59",
        "since=0001-01-01T00:00",
    ),
    *(
        "tracking_number=%FF%FE",
        "tracking_number=%00",
        "tracking_number=" + "A" * 8_000,
        "endpoint=ep_",
        "endpoint=%00",
    ),
    *(
        "cursor=dlv_%00",
        "cursor=dlv_" + "f" * 32,
        "cursor=dlv_" + "0" * 12 + "7" + "0" * 19,
        "status=%ED%A0%80",
        "state=%F0%9F%90%B4",
    ),
    *(
        "since=2026-03-04T13:20&until=2020-01-01T00:00",
        "since=9999-12-31T23:59",
        "since=2026-W01-1T00:00:00Z",
        "after=%FF",
    ),
    *(
        "do=test&result=dlv_%00",
        "do=test&result=" + "dlv_" * 2_000,
        "&".join(f"do={number}" for number in range(99)),
    ),
    *("since=0001-01-01T00:00:00%2B23:59", "until=9999-12-31T23:59:59-23:59"),
)


async def test_no_query_crashes_a_page(portal: Portal, shop: Caller, subtests: pytest.Subtests) -> None:
    browser, one = await portal.visitor(EMAIL), f"{HOME}/{await portal.endpoint(shop)}"
    paths = (
        "/",
        HOME,
        one,
        f"{one}/sample",
        f"{one}/recoveries",
        f"{HOME}/history",
        f"{HOME}/history/new",
        "/developer/specifications",
        "/developer/apikeys",
        "/settings",
        "/settings/audit",
        "/trackings",
        "/login",
    )

    for query in QUERIES:
        with subtests.test(query[:40]):
            statuses = {path: (await browser.get(f"{path}?{query}")).status_code for path in paths}

            assert set(statuses.values()) <= {200, 422}, statuses


async def test_too_many_parameters_cookies_or_fields_are_rejected(portal: Portal) -> None:
    browser = portal.browser()
    many = "&".join(f"a{number}=" for number in range(101))

    query = await browser.get(f"/login?{many}")
    form = await browser.post("/login", form={f"a{number}": "" for number in range(101)})

    assert [(one.status_code, one.headers["cache-control"]) for one in (query, form)] == [(400, "no-store")] * 2


async def post_bodies(browser: Browser, path: str, names: Iterable[str], subtests: pytest.Subtests) -> None:
    headers = {b"accept": b"text/html", b"x-csrftoken": (await browser.token()).encode()}
    for name in names:
        with subtests.test(f"{name} to {path}"):
            kind, body = BODIES[name]
            sent = headers | {b"content-type": kind.encode("latin-1")}
            answer = await browser.client.post(path, content=body, headers=sent)

            assert answer.status_code in ({413} if name == "huge" else {200, 303, 422}), answer.text
            assert answer.headers["cache-control"].startswith("no-store")
            assert_harmless(answer.text)


@pytest.mark.parametrize(
    "where", ["", "/update", "/test", "/developer/apikeys", "/developer/debugger", "/settings", "/trackings"]
)
async def test_no_body_crashes_a_form(portal: Portal, shop: Caller, subtests: pytest.Subtests, where: str) -> None:
    endpoint = await portal.endpoint(shop)
    path = f"{HOME}/{endpoint}{where}" if where in ("/update", "/test") else where or HOME

    await post_bodies(await portal.visitor(EMAIL), path, BODIES, subtests)


@pytest.mark.parametrize("name", BODIES)  # separately: an account and an address may fail only a few times
async def test_no_body_crashes_the_login(portal: Portal, shop: Caller, subtests: pytest.Subtests, name: str) -> None:
    assert shop.account
    await post_bodies(portal.browser(), "/login", [name], subtests)


async def test_a_field_that_is_not_utf_8_is_rejected_by_name(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)
    sent = {b"x-csrftoken": (await browser.token()).encode(), b"content-type": FORM.encode()}

    answer = await browser.client.post(HOME, content=b"url=http://127.0.0.1/&description=Gift%ED%A0%BC", headers=sent)

    assert answer.status_code == 422
    assert "description is not text in UTF-8" in answer.text
    assert (await shop.get("/v1/endpoints")).json()["items"] == []


async def test_encoded_forms_are_rejected(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)
    sent = {"content-encoding": "gzip", "x-csrftoken": await browser.token(), "accept": "text/html"}

    answer = await browser.client.post(HOME, content=b"x", headers=sent)

    assert shop.account
    assert (answer.status_code, answer.headers["content-type"]) == (415, "text/html; charset=utf-8")


async def test_no_input_is_stored(portal: Portal, shop: Caller) -> None:
    # Litestar's own readers keep the last thousand forms of up to 1 MiB each: passwords, and 16 GB of memory.
    readers = (parse_url_encoded_form_data, parse_query_string, parse_cookie_string)
    known = [reader.cache_info().currsize for reader in readers]

    browser = await portal.visitor(EMAIL)
    await browser.get(f"{HOME}?do=add")
    await browser.sign_in(EMAIL)

    assert shop.account
    assert [reader.cache_info().currsize for reader in readers] == known


@pytest.mark.parametrize("path", ["/login", "/v1/updates", "/v4/trackings/create"])
async def test_a_truncated_body_is_not_an_internal_error(portal: Portal, shop: Caller, path: str) -> None:
    parts = iter([{"type": "http.request", "body": b"email=", "more_body": True}, {"type": "http.disconnect"}])
    headers = [(b"host", b"waypost.test"), (b"tracking-api-key", shop.key.encode()), (b"accept", b"text/html")]
    headers += [(b"content-type", FORM.encode()), (b"content-length", b"100")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"http_version": "1.1", "scheme": "http", "client": ("198.51.100.7", 1), "headers": headers}
    sent: list[Any] = []

    async def receive() -> Any:
        return next(parts)

    async def send(message: Any) -> None:
        sent.append(message)

    with capture_logs() as lines:
        await within(60.0, portal.application)(scope, receive, send)  # type: ignore[arg-type]

    assert sent[0]["status"] == 400
    assert [line for line in lines if line["log_level"] != "debug"] == []
