"""Deliveries are resent and cancelled together: selected ones, or all that match a filter, which are counted first."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.flow.portal.test_history import HISTORY, answer, report
from tests.support.api import Caller
from tests.support.queues import stuck
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.intake import bulk
from waypost.keeper.keeper import Keeper

MATCHING = f"{HISTORY}/matching"
FAILED = {"state": "failed"}


@pytest.fixture
async def failed(portal: Portal, shop: Caller) -> list[str]:
    """Return five failed deliveries, oldest first: three events of one parcel and two of others."""
    await portal.endpoint(shop)
    for number, hour in (("A1", 7), ("A1", 8), ("A1", 9), ("A2", 8), ("A3", 8)):
        scan = {"checkpoint_date": f"2026-07-01T0{hour}:00:00", "tracking_detail": "Arrived", "location": "Here"}
        await report(shop, number, checkpoints=[scan])
    items = (await shop.get("/v1/deliveries")).json()["items"]
    for one in items:
        await answer(portal, one["id"], [("http_5xx", 503)], "failed")
    return [one["id"] for one in reversed(items)]


async def advance(portal: Portal) -> int:
    keeper = Keeper(portal.database, portal.pages.context.intake, history_days=30)
    async with portal.database.engine.acquire() as session:
        return await keeper.advance_bulk_actions(session)


async def counted(browser: Browser, filters: dict[str, str], kind: str) -> tuple[str, Document]:
    """Count, and return the action's id and the page that asks whether to do it."""
    answer = await browser.post(MATCHING, form={"do": kind, **filters})
    assert answer.status_code == 303, answer.text
    place = answer.headers["location"]
    return parse_qs(urlsplit(place).query)["bulk"][0], assert_harmless((await browser.get(place)).text)


async def queued(portal: Portal) -> list[tuple[int, bool]]:
    rows = await portal.database.serving.fetch(
        "select sequence, blocked from due where tracking = (select id from"
        " tracking where tracking_number = 'A1') order by sequence"
    )
    return [(row["sequence"], row["blocked"]) for row in rows]


async def test_all_that_match_are_counted_then_resent_in_their_order(
    portal: Portal, shop: Caller, browser: Browser, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failed
    monkeypatch.setattr(bulk, "A_SLICE", 2)
    monkeypatch.setattr(bulk, "MOST_WAITING", 4)

    action, page = await counted(browser, FAILED, "resend")
    before = (await shop.get("/v1/deliveries?state=waiting")).json()["items"]
    await browser.post(f"{HISTORY}/matching/{action}/start")
    first = await advance(portal)

    assert [one.text for one in page.all("button", **{"class": "primary"})] == ["Send 5 webhooks again"]
    assert before == []
    assert first == 4
    assert await queued(portal) == [(1, False), (2, True), (3, True)]
    shown = " ".join(Document((await browser.get(f"{HISTORY}?state=failed")).text).text.split())
    assert "Sending again: 4 of 5 webhooks" in shown
    async with portal.database.serving.acquire() as session:
        assert await stuck(session) == 0
        await session.execute("delete from due")  # as if all had been sent
    assert await advance(portal) == 1
    assert "Sent again: 5 of 5 webhooks" in " ".join((await browser.get(f"{HISTORY}/matching")).text.split()).replace(
        "<strong>", ""
    ).replace("</strong>", "")
    audit = await portal.database.serving.fetchval(
        "select changes::text from audit_entry where action = $1", "deliveries.resent"
    )
    assert "state=failed" in audit


async def test_nothing_is_resent_that_waits_already_or_to_a_disabled_endpoint(
    portal: Portal, shop: Caller, browser: Browser, failed: list[str]
) -> None:
    await shop.post(f"/v1/deliveries/{failed[3]}/resend")
    action, _ = await counted(browser, FAILED, "resend")
    await browser.post(f"{HISTORY}/matching/{action}/start")
    changed = await advance(portal)
    endpoint = (await shop.get("/v1/endpoints")).json()["items"][0]["id"]
    await shop.post(f"/v1/endpoints/{endpoint}/disable", {})
    _, page = await counted(browser, FAILED, "resend")

    assert changed == 4
    assert "Nothing to resend" in page.text


async def test_waiting_deliveries_that_match_are_cancelled_and_what_is_in_flight_is_marked(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop)
    for number in ("B1", "B2", "C1"):
        await report(shop, number)
    await portal.database.serving.execute(
        "update due set leased_until = now() + interval '1 minute' where tracking = (select id from tracking where"
        " tracking_number = 'B2')"
    )

    action, page = await counted(browser, {"search": "B"}, "cancel")
    await browser.post(f"{HISTORY}/matching/{action}/start")
    changed = await advance(portal)

    assert [one.text for one in page.all("button", **{"class": "primary danger"})] == ["Cancel 2 webhooks"]
    assert changed == 2
    states = {one["tracking_number"]: one["state"] for one in (await shop.get("/v1/deliveries")).json()["items"]}
    assert states == {"B1": "cancelled", "B2": "waiting", "C1": "waiting"}
    assert await portal.database.serving.fetchval("select count(*) from due where cancelling = 'user'") == 1


async def test_deliveries_from_after_the_count_are_never_part_of_it(
    portal: Portal, shop: Caller, browser: Browser, failed: list[str]
) -> None:
    assert failed
    action, _ = await counted(browser, FAILED, "resend")
    await report(shop, "LATE1")
    (late,) = (await shop.get("/v1/deliveries?tracking_number=LATE1")).json()["items"]
    await answer(portal, late["id"], [("http_5xx", 500)], "failed")

    await browser.post(f"{HISTORY}/matching/{action}/start")

    assert await advance(portal) == 5


async def test_an_account_has_one_action_at_a_time_and_can_stop_it(
    portal: Portal, browser: Browser, failed: list[str]
) -> None:
    assert failed
    action, _ = await counted(browser, FAILED, "resend")
    await browser.post(f"{HISTORY}/matching/{action}/start")

    refused = await browser.post(
        MATCHING, form={"do": "cancel", **FAILED}, headers={"referer": f"http://waypost.test{HISTORY}"}
    )
    again = await browser.post(
        f"{HISTORY}/matching/{action}/start", headers={"referer": f"http://waypost.test{HISTORY}"}
    )
    stopped = await browser.post(f"{HISTORY}/matching/{action}/stop")

    assert (refused.status_code, again.status_code, stopped.status_code) == (303, 303, 303)
    assert await advance(portal) == 0
    assert "Sending again was stopped" in (await browser.get(f"{HISTORY}/matching")).text


async def test_another_accounts_action_does_not_exist(portal: Portal, browser: Browser, failed: list[str]) -> None:
    assert failed
    action, _ = await counted(browser, FAILED, "resend")
    await portal.account("other@example.com")
    stranger = await portal.visitor("other@example.com")

    answers = [await stranger.post(f"{HISTORY}/matching/{action}/{act}") for act in ("start", "stop")]

    assert [one.status_code for one in answers] == [404, 404]
    assert "5 webhooks" not in (await stranger.get(f"{HISTORY}?state=failed&bulk={action}")).text


async def test_selected_deliveries_are_resent_and_the_others_are_named_by_reason(
    portal: Portal, browser: Browser, failed: list[str]
) -> None:
    await portal.database.serving.execute("delete from tracking where tracking_number = 'A2'")
    chosen = [failed[0], failed[3], "dlv_" + id_of(failed[0]).hex[:-1] + "0"]

    answer = await browser.post(f"{HISTORY}/selected", form={"do": "resend", "delivery": chosen, **FAILED})
    page = await browser.get(answer.headers["location"])
    empty = await browser.post(f"{HISTORY}/selected", form={"do": "cancel"})

    assert answer.headers["location"] == f"{HISTORY}?state=failed"
    (notice,) = Document(page.text).all("p", **{"class": "notice"})
    assert "1 webhook resent." in notice.text
    assert "1 not: The parcel was deleted" in notice.text
    assert empty.status_code == 303
    assert await portal.database.serving.fetchval("select count(*) from due where resend_of is not null") == 1
