"""The page of alert channels: each service's form, errors at their fields, and a history that shows the response."""

from datetime import timedelta

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless
from waypost.domain.alerts import AlertService
from waypost.store import alert_changes

PATH = "/settings/alerts"
PROBE = "<b onclick=probe()>x</b>"


@pytest.mark.parametrize("service", AlertService)
async def test_each_service_has_a_form(browser: Browser, service: AlertService) -> None:
    answer = await browser.get(f"{PATH}?service={service}")

    assert answer.status_code == 200
    assert "Add channel" in Document(answer.text).text


async def test_a_channel_is_added_disabled_and_deleted(shop: Caller, browser: Browser) -> None:
    form = {"service": "slack", "name": PROBE, "url": "https://hooks.slack.com/services/T/B/secret"}
    added = await browser.post(PATH, form={**form, "kind": "endpoint_failing"})
    listed = assert_harmless((await browser.get(PATH)).text)
    (channel,) = (await shop.get("/v1/alert-channels")).json()["items"]
    await browser.post(f"{PATH}/{channel['id']}/switch", form={"enabled": "false"})
    disabled = Document((await browser.get(PATH)).text)
    await browser.post(f"{PATH}/{channel['id']}/delete", form={})

    assert added.status_code == 303
    assert PROBE in listed.text
    assert "hooks.slack.com" in listed.text
    assert "services/T/B/secret" not in listed.text
    assert "Disabled" in disabled.text
    assert (await shop.get("/v1/alert-channels")).json()["items"] == []


async def test_a_refused_address_keeps_what_was_typed_and_says_why(browser: Browser) -> None:
    form = {"service": "email", "name": "Me", "address": "victim@example.com", "kind": "endpoint_failing"}

    answer = await browser.post(PATH, form=form)

    assert answer.status_code == 422
    said = Document(answer.text)
    assert "ust be the address of a user of this account" in said.text
    assert any(one.attributes.get("value") == "victim@example.com" for one in said.elements)


async def test_the_time_zone_is_checked_and_kept(browser: Browser) -> None:
    wrong = await browser.post(f"{PATH}/time-zone", form={"time_zone": "../../etc/passwd"})
    right = await browser.post(f"{PATH}/time-zone", form={"time_zone": "Europe/Berlin"})

    assert (wrong.status_code, right.status_code) == (422, 303)
    shown = Document((await browser.get(PATH)).text)
    assert any(one.attributes.get("value") == "Europe/Berlin" for one in shown.elements)


async def test_the_history_shows_the_response_of_the_service(portal: Portal, shop: Caller, browser: Browser) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target})).json()
    await portal.database.serving.execute(
        "insert into alert (id, channel, what, content, state, settled_at, answer) values (uuidv7(), $1, 'opened',"
        """ '{"incident": "inc_1", "kind": "endpoint_failing", "subject": "ep_1", "message": "It fails.","""
        """ "opened_at": "2026-03-02T12:00:00.000Z"}', 'failed', now(), $2)""",
        *(made["id"][4:], PROBE),
    )

    said = assert_harmless((await browser.get(PATH)).text)

    assert f"Response: {PROBE}" in said.text
    assert "Endpoint failing" in said.text


async def test_a_channels_kinds_and_quiet_hours_are_changed_on_its_page(shop: Caller, browser: Browser) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target, "name": PROBE})).json()
    here = f"{PATH}/{made['id']}"
    hours = {"quiet_from": "22:00", "quiet_until": "06:30"}

    before = assert_harmless((await browser.get(here)).text)
    saved = await browser.post(f"{here}/update", form={"name": "Night", "kind": "endpoint_disabled", **hours})
    after = Document((await browser.get(here)).text)
    (channel,) = (await shop.get("/v1/alert-channels")).json()["items"]

    assert saved.headers["location"] == PATH
    assert (channel["name"], channel["kinds"]) == ("Night", ["endpoint_disabled"])
    assert {name: channel[name] for name in hours} == hours
    ticked = [
        [box.attributes["value"] for box in page.all("input", name="kind", checked="")] for page in (before, after)
    ]
    assert [len(boxes) for boxes in ticked] == [5, 1]
    assert after.value("quiet_until") == "06:30"


async def test_a_rejected_change_keeps_what_was_typed_and_changes_nothing(shop: Caller, browser: Browser) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target, "name": "Day"})).json()

    answer = await browser.post(f"{PATH}/{made['id']}/update", form={"name": "Night", "quiet_from": "25:00"})

    page = Document(answer.text)
    assert answer.status_code == 422
    assert page.value("name") == "Night"
    assert [one.attributes["id"] for one in page.all("p", **{"class": "error"})] == ["kinds-error"]
    (channel,) = (await shop.get("/v1/alert-channels")).json()["items"]
    assert channel == {name: value for name, value in made.items() if name != "secret"}


async def test_deleting_a_channel_asks_first(shop: Caller, browser: Browser) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target})).json()

    listed = Document((await browser.get(PATH)).text)
    (link,) = [one for one in listed.all("a") if one.text == "Delete"]
    asked = Document((await browser.get(link.attributes["href"])).text)

    assert not [one for one in listed.all("form") if one.attributes["action"].endswith("/delete")]
    (dialog,) = asked.all("dialog")
    assert "open" in dialog.attributes
    assert "It is the only enabled channel" in dialog.text
    assert len((await shop.get("/v1/alert-channels")).json()["items"]) == 1
    assert made["id"] in link.attributes["href"]


async def test_alerts_are_forgotten_with_the_rest_of_the_history(portal: Portal, shop: Caller) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target})).json()
    for days, state in ((31, "sent"), (29, "sent"), (31, "waiting")):
        await portal.database.serving.execute(
            "insert into alert (id, channel, what, content, state, settled_at)"
            " values (uuidv7(make_interval(days => -$2::integer)), $1, 'opened', '{}', $3,"
            " case when $3 = 'waiting' then null else now() end)",
            *(made["id"][4:], days, state),
        )

    async with portal.database.serving.acquire() as session:
        forgotten = await alert_changes.delete_old_alerts(session, timedelta(days=30))

    assert forgotten == 1
    assert await portal.database.serving.fetchval("select count(*) from alert") == 2
