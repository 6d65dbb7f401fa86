"""A parcel's page shows its connection and the last result, or why it is not polled and what to connect."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Portal, assert_harmless, id_of, serving_pages
from waypost.store.database import Database


@pytest.fixture
async def portal(database: Database) -> AsyncIterator[Portal]:
    async with serving_pages(database, connected=("dhl",)) as portal:
        yield portal


async def create(shop: Caller, courier: str, number: str = "A1") -> str:
    made = await shop.post("/v4/trackings/create", {"tracking_number": number, "courier_code": courier})
    return str(made.json()["data"]["id"])


async def connect(shop: Caller, name: str) -> str:
    credentials = {"client_id": "me", "client_secret": "secret"}
    made = await shop.post("/v1/connections", {"source": "ups", "name": name, "credentials": credentials})
    return str(made.json()["id"])


async def source_of(browser: Browser, tracking: str) -> str:
    """Return the page's facts about the parcel, one line each."""
    page = assert_harmless((await browser.get(f"/trackings/{tracking}")).text)
    pairs = zip(page.all("dt"), page.all("dd"), strict=True)
    return "\n".join(f"{name.text} {' '.join(said.text.split())}" for name, said in pairs)


async def test_the_page_shows_the_connection_its_last_answer_and_the_ones_tried_before(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    tracking = await create(shop, "ups")
    first, second = await connect(shop, "UPS <one>"), await connect(shop, "UPS two")
    await portal.database.serving.execute(
        "update watch set connection = $1, tried = array[$2::uuid, $3::uuid], outcome = 'unknown_number',"
        " last_polled_at = '2026-03-04 13:20:05Z', next_poll_at = '2100-01-01 00:00:00Z'",
        id_of(second),
        id_of(first),
        UUID(int=7),  # deleted meanwhile
    )

    said = await source_of(browser, tracking)
    polling = (await shop.get(f"/v1/trackings/{tracking}")).json()["polling"]

    assert "Tracked with UPS two" in said
    assert "Last checked 2026-03-04 13:20:05 UTC" in said
    assert "The carrier does not know the number." in said
    assert "Next check 2100-01-01 00:00:00 UTC" in said
    assert "Tried before UPS <one> did not know" in said
    assert polling == {
        "asked": {"connection": second, "name": "UPS two", "state": "new"},
        "outcome": "unknown_number",
        "tried": [{"connection": first, "name": "UPS <one>", "state": "new"}],
        "not_asked": None,
        "registered": [],
        "pushed_at": None,
    }


async def test_a_parcel_that_another_courier_has_says_why_its_courier_code_stays(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    made = {"tracking_number": "A2", "courier_code": "ups", "auto_correct": "1"}
    given, asked_for = await create(shop, "ups"), await shop.post("/v4/trackings/create", made)
    first, second = await connect(shop, "UPS one"), await connect(shop, "UPS two")
    await portal.database.serving.execute(
        "update watch set connection = $1, tried = array[$2::uuid], outcome = 'new'", id_of(second), id_of(first)
    )

    assert "UPS two has the parcel; the courier code is still ups: auto_correct was not" in await source_of(
        browser, given
    )
    assert "is still ups: another parcel has this number" in await source_of(browser, asked_for.json()["data"]["id"])


async def test_a_failing_connection_is_shown_at_its_parcels(portal: Portal, shop: Caller, browser: Browser) -> None:
    tracking, connection = await create(shop, "ups"), id_of(await connect(shop, "Main"))
    await portal.database.serving.execute("update watch set connection = $1, next_poll_at = now()", connection)
    await portal.database.serving.execute(
        "update connection_health set state = 'refused' where connection = $1", connection
    )

    assert "Tracked with Main Rejected" in await source_of(browser, tracking)


async def test_an_unpolled_parcel_says_why_and_what_to_connect(portal: Portal, shop: Caller, browser: Browser) -> None:
    unconnected, unsupported = await create(shop, "ups"), await create(shop, "china-post", "B1")
    archived = await create(shop, "dhl", "C1")
    choosing = await source_of(browser, unconnected)
    await portal.database.serving.execute("update watch set next_poll_at = null")
    await shop.call("PUT", f"/v4/trackings/update/{archived}", json={"archived_status": True})

    assert "Tracked with a connection is being chosen" in choosing
    assert "Connect UPS, or report updates" in await source_of(browser, unconnected)
    assert "Waypost can't poll China Post." in await source_of(browser, unsupported)
    assert "none: the parcel is archived" in await source_of(browser, archived)


async def test_a_number_tracked_with_another_courier_gives_a_warning(shop: Caller, browser: Browser) -> None:
    first = await create(shop, "ups")
    alone = (await browser.get(f"/trackings/{first}")).text
    asked = await browser.post("/trackings", form={"tracking_number": "A1", "courier_code": "dhl"})
    fields = {"tracking_number": "A1", "courier_code": "dhl", "anyway": "true"}
    added = await browser.post("/trackings", form=fields)
    second = await browser.get(added.headers["location"])

    assert "also tracked" not in alone
    assert asked.status_code == 422
    assert "You track this number already with UPS." in asked.text
    assert ">Add anyway</button>" in asked.text
    assert "Parcel added. Its number is also tracked with UPS." in second.text
    assert "This number is also tracked with another courier" in second.text
    assert "also tracked with another courier" in (await browser.get(f"/trackings/{first}")).text


async def test_another_accounts_parcel_with_the_same_number_gives_no_warning(portal: Portal, browser: Browser) -> None:
    await create(await portal.account("other@example.com"), "ups")
    added = await browser.post("/trackings", form={"tracking_number": "A1", "courier_code": "dhl"})

    assert "also tracked" not in (await browser.get(added.headers["location"])).text


async def test_the_page_says_that_a_silent_service_is_polled_instead(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    tracking = await create(shop, "usps")
    credentials = {"api_key": "a-key"}
    made = await shop.post("/v1/connections", {"source": "17track", "name": "17 <b>", "credentials": credentials})
    await portal.database.serving.execute(
        "update watch set connection = $1, heard_at = '2026-03-03 10:00:00Z', next_poll_at = '2100-01-01 00:00:00Z'",
        id_of(made.json()["id"]),
    )
    heard = await source_of(browser, tracking)
    await portal.database.serving.execute("update watch set last_polled_at = '2026-03-04 13:20:05Z'")

    silent = await source_of(browser, tracking)

    assert "Last push 2026-03-03 10:00:00 UTC" in heard
    assert "Last push No push since 2026-03-03 10:00:00 UTC" in silent
    assert "polled instead" in silent
    assert "unless a push arrives" in silent


@pytest.mark.parametrize(("polled", "said"), [(None, "within a minute"), (datetime.now(UTC), "limits how often")])
async def test_a_refresh_says_whether_the_carriers_limits_delay_it(
    portal: Portal, shop: Caller, browser: Browser, polled: datetime | None, said: str
) -> None:
    tracking = await create(shop, "ups")
    await connect(shop, "UPS")
    await portal.database.serving.execute("update watch set last_polled_at = $1, next_poll_at = null", polled)

    await browser.post(f"/trackings/{tracking}/refresh")

    assert said in (await browser.get(f"/trackings/{tracking}")).text
