"""Counting and recovering from an endpoint's page: one count at a time, shown while it runs."""

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless

HOME = "/developer/webhooks"
COUNT = {"since": "2020-01-01T00:00", "only": "all"}


@pytest.fixture
async def endpoint(portal: Portal, shop: Caller, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an endpoint whose count does not end within one call."""
    monkeypatch.setattr("waypost.actions.recoveries.COUNT_SECONDS", 0)
    monkeypatch.setattr("waypost.store.recovery_changes.A_TIME", 1)
    made = await portal.endpoint(shop)
    for hour in (8, 9):
        scan = {"checkpoint_date": f"2026-07-01T0{hour}:00:00", "tracking_detail": "x"}
        update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200
    return made


async def test_a_second_count_is_rejected_with_a_message_and_the_first_can_be_stopped(
    endpoint: str, browser: Browser
) -> None:
    here = f"{HOME}/{endpoint}"
    await browser.post(f"{here}/recover", form=COUNT)

    refused = await browser.post(f"{here}/recover", form=COUNT)
    page = Document((await browser.get(refused.headers["location"])).text)
    part = (await browser.get(f"{here}/recoveries")).text
    (stop,) = [one.attributes["action"] for one in Document(part).all("form")]
    stopped = await browser.post(stop)

    assert refused.status_code == 303
    assert "is already running" in page.all("p", role="status")[0].text
    assert "counting, " in assert_harmless(part).elements[0].text
    assert (stopped.status_code, stopped.headers["location"]) == (303, f"{here}#recoveries")
    assert Document((await browser.get(f"{here}/recoveries")).text).all("li") == []


async def test_enabling_shows_the_count_already_in_progress(endpoint: str, shop: Caller, browser: Browser) -> None:
    here = f"{HOME}/{endpoint}"
    await shop.post(f"/v1/endpoints/{endpoint}/disable", {})
    asked = {"endpoint_id": endpoint, "since": "2020-01-01T00:00:00Z", "only": "missed", "dry_run": True}
    assert (await shop.post("/v1/recoveries", asked)).json()["state"] == "running"

    answer = await browser.post(f"{here}/enable")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{here}#recoveries")
    assert "Endpoint enabled." in (await browser.get(here)).text


async def test_what_was_counted_is_sent_and_nothing_else(portal: Portal, shop: Caller, browser: Browser) -> None:
    here = f"{HOME}/{await portal.endpoint(shop)}"
    for number in ("A1", "A2"):
        scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "x"}
        scan |= {"checkpoint_delivery_status": "transit", "checkpoint_delivery_substatus": "transit001"}
        update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200
    await portal.database.serving.execute("delete from due")

    counted = await browser.post(f"{here}/recover", form=COUNT)
    nothing = (await shop.get("/v1/recoveries")).json()["items"]
    page = assert_harmless((await browser.get(counted.headers["location"])).text)
    begun = await browser.post(f"{here}/recover", form={"counted": page.value("counted")})
    again = await browser.post(f"{here}/recover", form={"counted": "rec_x"})

    started = [one for one in (await shop.get("/v1/recoveries")).json()["items"] if not one["dry_run"]]
    assert [one["dry_run"] for one in nothing] == [True]
    assert "Send 2 webhooks again" in [one.text for one in page.all("button", **{"class": "primary"})]
    assert (begun.status_code, begun.headers["location"]) == (303, f"{here}#recoveries")
    assert [(one["only"], one["since"]) for one in started] == [("all", "2020-01-01T00:00:00.000Z")]
    assert again.status_code == 404


DISABLED = """
insert into incident (id, account, kind, subject, message, details, opened_at, closed_at, change)
select uuidv7(), account, 'endpoint_disabled', $1, 'It was disabled.', '{}', now() - interval '3 hours', now(), uuidv7()
from endpoint limit 1
"""


async def test_what_an_endpoint_missed_is_offered_on_its_page_until_it_was_recovered(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    endpoint = await portal.endpoint(shop)
    here = f"{HOME}/{endpoint}"
    await shop.post(f"/v1/endpoints/{endpoint}/disable", {})
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Departed"}
    scan |= {"checkpoint_delivery_status": "transit", "checkpoint_delivery_substatus": "transit001"}
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    await shop.post("/v1/updates", {"updates": [update]})
    await shop.post(f"/v1/endpoints/{endpoint}/enable", {})
    await portal.database.serving.execute(DISABLED, endpoint)

    offered = assert_harmless((await browser.get(here)).text)
    form = {"since": offered.value("since"), "only": "missed"}
    counted = await browser.post(f"{here}/recover", form=form)
    page = Document((await browser.get(counted.headers["location"])).text)
    await browser.post(f"{here}/recover", form={"counted": page.value("counted")})
    after = Document((await browser.get(here)).text)

    assert "Recover missed events" in [one.text for one in offered.all("button")]
    assert "Send 1 webhook again" in [one.text for one in page.all("button", **{"class": "primary"})]
    assert "Recover missed events" not in [one.text for one in after.all("button")]
