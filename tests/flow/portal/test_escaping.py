"""Input of attackers is escaped wherever a page shows it."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Portal, assert_harmless, id_of
from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.payloads import render
from waypost.store.states import unpack

PROBE = (
    "\"'><probe-el on=1></title></textarea></code><script>probe()</script><img src=x onerror=probe()>&lt;i&#39;{{7*7}}"
)
EMAIL = "\"'><probe-el/onprobe=probe()>@shop.test"
NAME = "Shop \"'><probe-el><script>probe()</script>"
URL = "http://127.0.0.1/\"'><probe-el>?q=<script>probe()</script>&u=javascript:probe()"
SECRET = "\"'><probe-el><script>probe()</script>&amp;"
HEADER = "x-'&lt`probe"
HOME = "/developer/webhooks"
QUERIES = ("do", "status", "version", "language", "way", "tracking_number", "since", "until", "cursor", "endpoint")
QUERY = "&".join(f"{name}={quote(PROBE)}" for name in (*QUERIES, "state", "test", "result", "after", "next", PROBE))


@pytest.fixture
async def shop(portal: Portal) -> Caller:
    return await portal.account(EMAIL, name=NAME)


@pytest.fixture
async def browser(portal: Portal, shop: Caller) -> Browser:
    assert shop.account
    return await portal.visitor(EMAIL)


async def report(shop: Caller, **facts: Any) -> str:
    """Report a parcel and give its delivery."""
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": f"Delivered {PROBE}", "location": PROBE}
    scan |= {"checkpoint_delivery_status": "delivered", "checkpoint_delivery_substatus": "delivered001"}
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan], **facts}
    answer = await shop.post("/v1/updates", {"updates": [update]})
    assert answer.status_code == 200, answer.text
    return str((await shop.get("/v1/deliveries")).json()["items"][0]["id"])


async def attempt(
    portal: Portal,
    delivery: str,
    body: bytes | None,
    headers: list[tuple[str, str]] | None = None,
    *,
    status: int = 500,
) -> None:
    """Let an attempt of a delivery have been answered so."""
    sql = "select e.state from due d join event e on e.id = d.event where d.id = $1"
    sent = render(Version.V4, unpack(await portal.database.serving.fetchval(sql, id_of(delivery))))
    outcome = {3: "http_3xx", 4: "http_4xx"}.get(status // 100, "http_5xx")
    await portal.database.serving.execute(
        "insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome, status_code,"
        " url, signed_at, signature, webhook_signature, user_agent, own_headers, body_sha256, body_length,"
        " response_headers, response_body, response_truncated) select bucket, $12, id,"
        " 1 + (select count(*) from attempt where delivery = id), $2, 1234, 'V4', $3, $4, $5, 1,"
        " $6, $6, $6, $7, $8, $9, $10, $11, false from due where id = $1",
        id_of(delivery),
        datetime.now(UTC),
        outcome,
        status,
        URL,
        PROBE,
        [HEADER, PROBE],
        sha256(sent).digest(),
        len(sent),
        None if body is None else json.dumps(headers or []),
        body,
        datetime.fromtimestamp(ids.made_at(id_of(delivery)) / 1000, UTC).date(),
    )
    await portal.database.serving.execute("update due set tries = tries + 1 where id = $1", id_of(delivery))


@pytest.fixture
async def delivery(portal: Portal, shop: Caller) -> str:
    """Return a delivery of an endpoint whose every setting is hostile."""
    endpoint = await portal.endpoint(shop, URL, description=PROBE, headers={HEADER: PROBE}, secret=SECRET)
    made = await report(shop, title=PROBE, order_number=PROBE, customer_name=PROBE)
    headers = [("x-probe", PROBE), (PROBE, PROBE), ("location", "javascript:probe()")]
    await attempt(portal, made, PROBE.encode(), headers)
    await attempt(portal, made, json.dumps({PROBE: [PROBE, {"a": PROBE}]}).encode(), headers, status=302)
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, failing_since, last_error) values ($1, now(), 'http_5xx')",
        id_of(endpoint),
    )
    return made


async def test_foreign_texts_are_escaped_on_every_page(
    portal: Portal, shop: Caller, browser: Browser, delivery: str
) -> None:
    one = f"{HOME}/{(await shop.get('/v1/endpoints')).json()['items'][0]['id']}"
    await browser.post("/developer/apikeys", form={"name": NAME, "scope": "read"})
    made = await portal.database.serving.fetchval("select id from api_key where name = $1", NAME)
    key = ids.to_text(ids.API_KEY, made)
    shown = {
        "/": (URL, PROBE, NAME),
        HOME: (PROBE, URL, NAME, EMAIL),
        one: (PROBE, URL, HEADER),
        f"{one}?do=secret": (SECRET,),
        f"{one}?do=test&result={delivery}": (PROBE,),
        f"{one}?do=update&way=v4": (PROBE,),
        f"{HOME}/history": (PROBE[:12],),
        "/developer/apikeys": (NAME,),
        "/settings": (NAME, EMAIL),
        "/trackings": (PROBE[:12],),
        f"/trackings/{(await shop.get('/v4/trackings/get')).json()['data'][0]['id']}": (PROBE, PROBE[:50]),
        "/settings/audit": (NAME,),
        f"/developer/apikeys?revoke={key}": (f"with {NAME} (",),
        f"{HOME}/history/{delivery}": (PROBE, URL, HEADER, "javascript:probe()"),
        f"{HOME}/history/{delivery}?attempt=1": (PROBE, URL, HEADER, "javascript:probe()"),
    }

    for path, texts in shown.items():
        answer = await browser.get(path)

        assert answer.status_code == 200, path
        document = assert_harmless(answer.text)
        for text in texts:
            assert text in document.text or any(text in one.attributes.values() for one in document.elements), (
                path,
                text,
            )


async def test_texts_from_the_url_are_escaped_on_every_page(
    portal: Portal, shop: Caller, browser: Browser, delivery: str
) -> None:
    one = f"{HOME}/{(await shop.get('/v1/endpoints')).json()['items'][0]['id']}"
    pages = (
        "/",
        HOME,
        one,
        f"{one}/sample",
        f"{one}/recoveries",
        f"{HOME}/history",
        f"{HOME}/history/{delivery}",
        "/help",
        "/help/webhooks/retry",
    )
    others = tuple(f"/developer/{name}" for name in ("specifications", "outgoing-ips", "debugger", "apikeys"))
    others += ("/settings", "/settings/audit", "/trackings")

    for path in (
        *pages,
        *others,
        "/login",
        "/nothing-here",
        f"/{quote(PROBE)}",
        f"{HOME}/{quote(PROBE)}",
        f"/login/{quote(PROBE)}"[:100],
    ):
        for visitor in (browser, portal.browser()):
            answer = await visitor.get(f"{path}?{QUERY}")
            assert answer.status_code in (200, 303, 404, 422), path
            assert_harmless(answer.text)
            assert answer.headers.get("location", "/login").startswith("/login")


async def test_form_input_is_escaped_when_shown_again(portal: Portal, shop: Caller, browser: Browser) -> None:
    fields = dict.fromkeys(("url", "description", "version", "trigger", "headers", "secret", "status"), PROBE)
    pasted = dict.fromkeys(("body", "headers", "secret", "email"), PROBE)
    one = f"{HOME}/{await portal.endpoint(shop)}"

    answers = [
        await browser.post(HOME, form=fields | {"which": "some"}),
        await browser.post(HOME, form=fields | {"headers": f"{PROBE}\nx: 1\nx: 2"}),
        await browser.post(f"{one}/update", form=fields | {"which": "some"}),
        await browser.post("/developer/apikeys", form={"name": PROBE, "scope": PROBE, "days": PROBE}),
        await browser.post("/developer/debugger", form=pasted),
        await browser.post(
            "/developer/debugger", form=pasted | {"headers": f"webhook-id: {PROBE}\nwebhook-timestamp: 1"}
        ),
        await browser.sign_in(PROBE, PROBE, to=PROBE),
    ]

    for answer, field in zip(answers, (*["url"] * 3, "name", *["secret"] * 2, "email"), strict=True):
        assert answer.status_code in (200, 422)
        assert PROBE in [one.attributes.get("value") for one in assert_harmless(answer.text).all("input", name=field)]


async def test_cookies_are_never_shown(portal: Portal) -> None:
    browser = portal.browser()
    for name in ("waypost_form", "waypost_session"):
        browser.plant(quote(PROBE, safe="'<>()*"), name)

    answer = await browser.get("/login")

    assert "probe" not in assert_harmless(answer.text).text + answer.text


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JavaScript://127.0.0.1/%0aalert(1)", " javascript:alert(1)", "java\tscript:alert(1)"),
        *("\x01javascript:alert(1)", "data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "//127.0.0.1/", ""),
        *(
            "http://127.0.0.1/\x00",
            "http://127.0.0.1\\@x/",
            "http:127.0.0.1",
            "http://user@127.0.0.1/",
            "ftp://127.0.0.1/",
        ),
    ],
)
async def test_no_endpoint_has_a_url_that_a_browser_would_run(
    portal: Portal, shop: Caller, browser: Browser, url: str
) -> None:
    kept = await portal.endpoint(shop)

    added = await browser.post(HOME, form={"url": url, "version": "V4"})
    changed = await browser.post(f"{HOME}/{kept}/update", form={"url": url, "version": "V4"})

    assert (added.status_code, changed.status_code) == (422, 422)
    assert [one["url"] for one in (await shop.get("/v1/endpoints")).json()["items"]] == ["http://127.0.0.1/hook"]


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"\xff\xfe<script>probe()</script>\x00",
            b"\xc3\x28",
            b"\x00\x01\x02",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf{}",
        ),
        *(b"[" * 16_384, b"[" * 8_000 + b"]" * 8_000, b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"9" * 16_384),
        *(b"NaN", b"1e999", b'"\\u0000\\u001b"', b"{" * 100, b"null", b'"</code></pre><script>probe()</script>"'),
        b'{"a":"\\ud800"}',
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_any_response_of_a_receiver_can_be_shown(
    portal: Portal, shop: Caller, browser: Browser, body: bytes
) -> None:
    await portal.endpoint(shop)
    made = await report(shop)
    await attempt(portal, made, body, [("content-type", "text/html")])
    await attempt(portal, made, None)

    pages = [await browser.get(f"{HOME}/history/{made}{query}") for query in ("?attempt=1", "?attempt=2", "")]

    assert [page.status_code for page in pages] == [200] * 3
    assert "Attempt 1: The endpoint returned" in assert_harmless(pages[0].text).text
    assert assert_harmless(pages[1].text).text == assert_harmless(pages[2].text).text
