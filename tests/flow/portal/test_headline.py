"""The overview begins with what is wrong, and each endpoint or connection that needs attention has its remedy there."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.flow.portal.test_overview import report, tally
from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Element, Portal, assert_harmless, id_of
from waypost.domain import ids

HOME = "/developer/webhooks"


async def endpoints(portal: Portal, shop: Caller, count: int) -> list[str]:
    return [await portal.endpoint(shop, f"http://127.0.0.1/hook/{place}") for place in range(count)]


async def fail(portal: Portal, endpoint: str, *, minutes: float, next_probe: float | None = None) -> None:
    """Let an endpoint have failed since some minutes ago, paused for ``next_probe`` seconds."""
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, failing_since, last_error, last_success_at, paused_until)"
        " values ($1, now() - $2::float8 * interval '1 minute', 'http_5xx', now() - interval '1 day',"
        " now() + $3::float8 * interval '1 second')",
        *(id_of(endpoint), minutes, next_probe),
    )


async def wait(portal: Portal, endpoint: str, count: int, *, minutes: float) -> None:
    """Let deliveries wait for an endpoint, the oldest since some minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    for number in range(count):
        moment = round(at.timestamp() * 1000) + number
        await portal.database.serving.execute(
            "insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, tries, next_at)"
            " values (1, $1, $2, $3, $3, 1, 'ordered', 1, now() - interval '1 minute')",
            *(ids.make_id(moment, 1, uuid4().int), id_of(endpoint), uuid4()),
        )


async def said(browser: Browser) -> str:
    """Return the headline."""
    page = assert_harmless((await browser.get("/")).text)
    found = [one for one in page.all("p") if "headline" in one.attributes.get("class", "")]
    return " ".join(" ".join(one.text.split()) for one in found)


async def cards(browser: Browser) -> list[Element]:
    return Document((await browser.get("/")).text).all("li", **{"class": "card"})


async def test_it_says_how_many_endpoints_fail_and_how_much_waits_since_when(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    four = await endpoints(portal, shop, 4)
    await tally(portal, four[3], delivered=100, failed=0, tries=100, ms=80)
    for one in four[:3]:
        await fail(portal, one, minutes=20)
        await wait(portal, one, 2, minutes=10)

    words = await said(browser)
    page = Document((await browser.get("/")).text)

    assert words.startswith("3 of 4 endpoints are failing6 webhooks waiting, oldest ")
    assert re.search(r"oldest \S+ UTC \(10 minutes ago\)$", words), words
    assert re.search(r"Webhooks succeeded within 5 minutes\s*94.3%", page.text)  # of 106: waiting ones are late already
    assert re.search(r"Webhooks waiting\s*6", page.text)
    assert "When one of its webhooks has failed 4 times, an incident opens" in page.text
    links = [one.attributes["href"] for one in page.all("a") if "failing" in one.text or "waiting" in one.text]
    assert links == [HOME, f"{HOME}/history"]


async def test_attention_comes_before_all_figures(portal: Portal, shop: Caller, browser: Browser) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await fail(portal, one, minutes=1)

    headings = [one.text for one in Document((await browser.get("/")).text).all("h2")]

    assert headings.index("Needs attention") < headings.index("Webhooks")
    assert headings.index("Needs attention") < headings.index("Parcels by status")


async def test_a_paused_endpoint_says_since_when_it_fails_and_when_it_is_probed(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await fail(portal, one, minutes=14, next_probe=40.9)
    await wait(portal, one, 1, minutes=14)

    (card,) = await cards(browser)

    assert re.search(
        r"Failing since [\d: -]+ UTC \(14 minutes ago\), next attempt in (40|39) seconds\. It returned a server",
        " ".join(card.text.split()),
    )
    assert "Try now" in card.text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("user", "1 endpoint disabled"),
        ("gone", "1 endpoint disabled because of a 410 response"),
        ("failing", "1 endpoint disabled because every attempt failed"),
    ],
)
async def test_a_disabled_endpoint_is_not_forgotten(
    portal: Portal, shop: Caller, browser: Browser, reason: str, words: str
) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await portal.database.serving.execute("update endpoint set enabled = false, disabled_reason = $1", reason)

    (card,) = await cards(browser)

    assert await said(browser) == words
    assert "Disabled" in card.text
    enable = [link for link in Document((await browser.get("/")).text).all("a") if link.text == "Enable"]
    assert [link.attributes["href"] for link in enable] == [f"{HOME}/{one}?do=enable"]


async def test_a_connection_that_is_rejected_needs_attention(portal: Portal, shop: Caller, browser: Browser) -> None:
    connection = uuid4()
    await portal.database.serving.execute(
        "insert into connection (id, account, source, kind, name, credentials) values ($1, $2, 'ups', 'carrier',"
        " 'UPS <b>north</b>', 'sealed')",
        *(connection, shop.account),
    )
    await portal.database.serving.execute(
        "insert into connection_health (connection, state, message) values ($1, 'refused', 'the key is wrong')",
        connection,
    )

    (card,) = await cards(browser)

    assert await said(browser) == "1 connection not working"
    assert "UPS <b>north</b>" in card.text
    assert "Rejected" in card.text


async def test_an_account_in_good_health_is_reported_as_such(portal: Portal, shop: Caller, browser: Browser) -> None:
    before = await said(browser)
    two = await endpoints(portal, shop, 2)
    await wait(portal, two[0], 1, minutes=1)

    assert (before, await said(browser)) == ("", "All 2 endpoints are accepting webhooks")


async def test_webhooks_that_wait_for_long_are_reported_although_no_endpoint_fails(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await wait(portal, one, 1, minutes=6)

    assert (await said(browser)).startswith("1 webhook waiting, oldest ")


async def test_other_accounts_appear_nowhere(portal: Portal, shop: Caller, browser: Browser) -> None:
    other = await portal.account("other@example.com")
    (theirs,) = await endpoints(portal, other, 1)
    await fail(portal, theirs, minutes=1)
    await wait(portal, theirs, 1, minutes=10)
    await report(shop, "A1", "transit")

    assert await said(browser) == ""
    answer = await browser.post(f"{HOME}/{theirs}/probe")
    assert answer.status_code == 404


async def test_a_probe_returns_to_its_page_with_the_result(portal: Portal, shop: Caller, browser: Browser) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await report(shop, "A1", "transit")  # nothing is sent here, so that the probe is never answered

    answer = await browser.post(f"{HOME}/{one}/probe", headers={"referer": f"{portal.base_url}/"})
    page = Document((await browser.get("/")).text)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "The endpoint has not responded yet." in page.text
    assert portal.database.outage.trouble is None


async def test_an_endpoint_without_waiting_deliveries_cannot_be_probed(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    (one,) = await endpoints(portal, shop, 1)

    answer = await browser.post(f"{HOME}/{one}/probe", headers={"referer": f"{portal.base_url}{HOME}/{one}"})

    assert answer.headers["location"] == f"{HOME}/{one}"
    assert "No delivery is ready to be sent." in Document((await browser.get(f"{HOME}/{one}")).text).text
