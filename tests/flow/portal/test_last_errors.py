"""The last errors on an endpoint's page: grouped, each with its remedy, and a redirect that can be adopted."""

import re
from datetime import UTC, datetime, timedelta
from json import dumps
from uuid import uuid4

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Element, Portal, assert_harmless, id_of
from waypost.actions import remedies
from waypost.domain.errors import InvalidInput
from waypost.domain.targets import Ports, parse_target
from waypost.portal.pages.last_errors import MOST_GROUPS, grouped
from waypost.portal.receivers_words import receivers_words
from waypost.store.database import Database
from waypost.store.deliveries import MOST_FAILED, FailedAttempt

OTHER = "other@example.com"
HOME = "/developer/webhooks"
URL = "http://127.0.0.1/hook"
ATTEMPT = """
insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome, status_code, url,
                     signed_at, signature, webhook_signature, user_agent, body_sha256, body_length, response_headers,
                     response_body)
select $1, $2::date, $3, n, $4::timestamptz - n * interval '1 second', 1, 'V4', $5, $6, $7, 1, '', '', '', ''::bytea, 0,
       $8, $11
from generate_series($9::integer, $9::integer + $10 - 1) n
"""


@pytest.fixture
async def endpoint(portal: Portal, shop: Caller) -> str:
    return await portal.endpoint(shop, URL)


async def report(shop: Caller, number: str) -> str:
    """Report a parcel and give its delivery."""
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Delivered"}
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200
    return str((await shop.get(f"/v1/deliveries?tracking_number={number}")).json()["items"][0]["id"])


async def fail(
    database: Database,
    delivery: str,
    outcome: str,
    code: int | None = None,
    *,
    location: str | None = None,
    times: int = 1,
    hours_ago: float = 0,
    url: str = URL,
    body: bytes | None = None,
) -> None:
    """Let attempts of a delivery have failed so, one a second before the other."""
    one, at = id_of(delivery), datetime.now(UTC) - timedelta(hours=hours_ago)
    row = await database.serving.fetchrow(
        "update due set tries = tries + $2 where id = $1"
        " returning bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date as day",
        one,
        times,
    )
    assert row is not None
    headers = None if code is None else dumps([["content-type", "x"], *([["location", location]] if location else [])])
    first = 1 + await database.serving.fetchval("select count(*) from attempt where delivery = $1", one)
    sent = (row["bucket"], row["day"], one, at, outcome, code, url, headers, first, times, body)
    await database.serving.execute(ATTEMPT, *sent)


async def cards(browser: Browser, endpoint: str) -> list[Element]:
    """Return the groups of errors on the endpoint's page."""
    answer = await browser.get(f"{HOME}/{endpoint}")
    assert answer.status_code == 200
    return assert_harmless(answer.text).all("li", **{"class": "card"})


async def test_without_errors_nothing_is_shown(browser: Browser, endpoint: str) -> None:
    answer = await browser.get(f"{HOME}/{endpoint}")

    assert "Last errors" not in Document(answer.text).text


async def test_errors_are_grouped_newest_first_with_count_time_and_a_delivery(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    first, second = await report(shop, "A1"), await report(shop, "A2")
    await fail(portal.database, first, "http_5xx", 503, times=3, hours_ago=5)
    await fail(portal.database, second, "http_5xx", 503, times=2, hours_ago=3)
    await fail(portal.database, second, "http_5xx", 500, hours_ago=4)
    await fail(portal.database, first, "http_4xx", 401, hours_ago=1)
    await fail(portal.database, first, "timed_out", times=2, hours_ago=25)
    await fail(portal.database, second, "reset", url="http://127.0.0.1/where-it-was-before")

    shown = await cards(browser, endpoint)

    said = [" ".join(one.text.split()) for one in shown]
    assert [re.split("(first|last) ", text)[0] for text in said] == [
        "It rejected the request (4xx). Status 4011 time",
        "It returned a server error (5xx). Status 5035 times",
        "It returned a server error (5xx). Status 5001 time",
    ]
    assert re.search(r"first [\d: -]+ UTC \(5 hours ago\)last [\d: -]+ UTC \(3 hours ago\)", said[1])
    document = Document((await browser.get(f"{HOME}/{endpoint}")).text)
    links = [one.attributes["href"] for one in document.all("a") if one.text == "View the last delivery"]
    assert links == [f"{HOME}/history/{one}" for one in (first, second, second)]


async def test_errors_include_deliveries_that_succeeded_later_or_were_given_up(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    for number, state, outcome in (("A1", "delivered", "dns_failed"), ("A2", "failed", "tls_failed")):
        delivery = await report(shop, number)
        await fail(portal.database, delivery, outcome)
        await portal.database.serving.execute(
            "with gone as (delete from due where id = $1 returning *) insert into settled select bucket,"
            " (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence, $2, null,"
            " tries + 1, null, now() from gone",
            id_of(delivery),
            state,
        )

    shown = await cards(browser, endpoint)

    assert [one.text.split(".")[0].strip() for one in shown] == [
        "The TLS handshake failed; check the certificate",
        "Its host name could not be resolved",
    ]


async def test_a_limited_number_of_errors_is_examined(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    delivery = await report(shop, "A1")
    await fail(portal.database, delivery, "reset", times=MOST_FAILED, hours_ago=2)
    for number in range(MOST_GROUPS + 1):
        location = f"http://evil.example/{number}?{'x' * 5000}"
        await fail(portal.database, delivery, "http_3xx", 302, location=location, hours_ago=1)

    shown = await cards(browser, endpoint)

    assert len(shown) == MOST_GROUPS
    assert all(len(one.text) < 600 for one in shown)
    assert "only the newest are shown" in Document((await browser.get(f"{HOME}/{endpoint}")).text).text


def guarded(url: str) -> None:
    """Refuse as the guard does where only the usual ports and public addresses are open."""
    if parse_target(url, ports=Ports.parse("80,443")).address is not None:
        raise InvalidInput("url", "nothing is sent to it")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://shop.example:9000/", remedies.PORT_REFUSED),
        ("http://10.0.0.1/", remedies.ADDRESS_REFUSED),
        ("http://leads-to-a-private-address.example/", remedies.ADDRESS_REFUSED),
    ],
)
def test_a_rejected_address_names_the_setting_that_allows_it(url: str, said: str) -> None:
    attempt = FailedAttempt(uuid4(), datetime.now(UTC), "address_forbidden", None, None, None)

    [group] = grouped(url, [attempt], guarded)

    assert group.remedy == said
    assert ("WAYPOST_EGRESS_PORTS" in said) is not ("WAYPOST_EGRESS_ALLOW" in said)


async def test_redirects_are_grouped_by_target_and_the_target_is_escaped(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    delivery = await report(shop, "A1")
    for location in ("/login?<script>probe()</script>", "/login?<script>probe()</script>", "javascript:probe()"):
        await fail(portal.database, delivery, "http_3xx", 302, location=location, hours_ago=1)

    shown = await cards(browser, endpoint)

    assert len(shown) == 2
    assert "http://127.0.0.1/login?<script>probe()</script>" in shown[0].text + shown[1].text
    assert "javascript" not in shown[0].text + shown[1].text


async def test_a_redirect_to_the_same_place_can_be_adopted_with_a_button(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    delivery = await report(shop, "A1")
    for location in ("/hook/", "https://127.0.0.1/hook", "https://evil.example/hook", "/login"):
        await fail(portal.database, delivery, "http_3xx", 301, location=location)
    document = Document((await browser.get(f"{HOME}/{endpoint}")).text)
    [action] = {one.attributes["action"] for one in document.all("form") if "use-url" in one.attributes["action"]}
    offered = [one.attributes["value"] for one in document.all("input", type="hidden", name="url")]

    answer = await browser.post(action, form={"url": "https://127.0.0.1/hook"})

    assert set(offered) == {"http://127.0.0.1/hook/", "https://127.0.0.1/hook"}
    assert answer.headers["location"] == f"{HOME}/{endpoint}"
    changed = (await shop.get(f"/v1/endpoints/{endpoint}")).json()
    assert changed["url"] == "https://127.0.0.1/hook"
    assert await cards(browser, endpoint) == []


@pytest.mark.parametrize(
    "url", ["https://evil.example/hook", "https://127.0.0.1@evil.example/hook", "http://127.0.0.1/login", URL, "x", ""]
)
async def test_a_redirect_to_another_place_is_never_adopted(
    shop: Caller, browser: Browser, endpoint: str, url: str
) -> None:
    before = (await shop.get(f"/v1/endpoints/{endpoint}")).json()

    answer = await browser.post(f"{HOME}/{endpoint}/use-url", form={"url": url})

    assert answer.headers["location"] == f"{HOME}/{endpoint}"
    assert "URL not changed" in Document((await browser.get(f"{HOME}/{endpoint}")).text).text
    assert (await shop.get(f"/v1/endpoints/{endpoint}")).json() == before


async def test_an_adopted_url_is_validated_like_a_typed_one(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    elsewhere = "http://127.0.0.1:9000/hook"
    await portal.database.serving.execute("update endpoint set url = $2 where id = $1", id_of(endpoint), elsewhere)
    delivery = await report(shop, "A1")
    await fail(portal.database, delivery, "http_3xx", 301, location="/hook/", url=elsewhere)

    answer = await browser.post(f"{HOME}/{endpoint}/use-url", form={"url": f"{elsewhere}/"})

    page = Document((await browser.get(answer.headers["location"])).text)
    assert "Port 9000 is not allowed: the server's WAYPOST_EGRESS_PORTS allows" in page.text
    assert page.all("input", type="hidden", name="url") == []
    assert (await shop.get(f"/v1/endpoints/{endpoint}")).json()["url"] == elsewhere


async def test_the_url_of_another_accounts_endpoint_cannot_be_changed(
    portal: Portal, shop: Caller, endpoint: str
) -> None:
    await portal.account(OTHER)
    other = await portal.visitor(OTHER)

    answer = await other.post(f"{HOME}/{endpoint}/use-url", form={"url": f"{URL}/"})

    assert answer.status_code == 404
    assert (await shop.get(f"/v1/endpoints/{endpoint}")).json()["url"] == URL


async def test_an_error_quotes_the_newest_words_of_the_receiver(
    portal: Portal, shop: Caller, browser: Browser, endpoint: str
) -> None:
    delivery = await report(shop, "A1")
    await fail(portal.database, delivery, "http_5xx", 500, hours_ago=2, body=b'{"error": "older"}')
    await fail(portal.database, delivery, "http_5xx", 500, hours_ago=1, body=b"database\n connection <b>refused</b>")
    await fail(portal.database, delivery, "http_5xx", 500, body=b"\x1f\x8b\x08\x00")

    (card,) = await cards(browser, endpoint)

    assert "The receiver said: “database connection <b>refused</b>”" in card.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, None),
        (b"", None),
        (b" \n ", None),
        (b"\x1f\x8b\x08\x00\x00", None),
        (b"\xff\xfe broken", None),
        ("caf\u00e9".encode()[:-1], "caf"),
        (b"<!doctype html><html><head><title>502 Bad&nbsp;Gateway</title></head><body>x", "502 Bad Gateway"),
        (b"<p>Not <b>here</b></p", "Not here"),
        (b"a\x1b[31mred\x1b[0m", "a [31mred [0m"),
        ("safe \u202egnp.exe".encode(), "safe gnp.exe"),
        (b"x" * 600, "x" * 199 + "…"),
    ],
)
def test_the_words_of_a_receiver_are_one_printable_line(body: bytes | None, words: str | None) -> None:
    assert receivers_words(body) == words
