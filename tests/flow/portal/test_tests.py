"""The test dialog sends a sample, one of the parcels, or an edited payload, and loses nothing that was typed."""

import json

import pytest

from tests.flow.portal.test_history import report
from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless

HOME = "/developer/webhooks"
DELIVERED = {"checkpoint_delivery_status": "delivered", "checkpoint_delivery_substatus": "delivered001"}
SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "x", "location": ""}


@pytest.fixture
async def here(portal: Portal, shop: Caller) -> str:
    return f"{HOME}/{await portal.endpoint(shop)}"


WRONG: list[dict[str, object]] = [{}, {"status": "transit", "body": {}}, {"body": {}}, {"status": "lost"}]


async def queued(portal: Portal) -> list[tuple[str, str | None, bytes | None]]:
    rows = await portal.database.serving.fetch(
        "select d.sample, p.tracking_number, p.body from due d left join test_payload p on p.delivery = d.id"
        " where d.sample is not null order by d.id"
    )
    return [tuple(row) for row in rows]


async def test_a_parcel_or_an_edited_payload_is_sent(portal: Portal, shop: Caller, browser: Browser, here: str) -> None:
    await report(shop, "OWN1", checkpoints=[SCAN | DELIVERED])
    edited = {"code": 200, "data": {"tracking_number": "EDITED1"}, "verify": {"signature": "old"}}

    first = await browser.post(f"{here}/test", form={"what": "parcel", "parcel": " own1 "})
    second = await browser.post(f"{here}/test", form={"what": "body", "body": json.dumps(edited, indent=2)})
    shown = assert_harmless((await browser.get(second.headers["location"])).text)
    again = await browser.get(second.headers["location"])
    history = (await browser.get(f"{HOME}/history?test=only")).text

    assert (first.status_code, second.status_code) == (303, 303)
    assert await queued(portal) == [
        ("delivered", "OWN1", None),
        ("delivered", "EDITED1", b'{"code":200,"data":{"tracking_number":"EDITED1"}}'),
    ]
    assert "EDITED1" in shown.all("textarea", name="body")[0].text
    assert "No response yet" in again.text
    assert 'title="OWN1"' in history
    assert 'title="EDITED1"' in history


async def test_a_refused_test_is_explained_and_what_was_typed_stays(
    portal: Portal, browser: Browser, here: str
) -> None:
    cases: tuple[tuple[dict[str, str], str], ...] = (
        ({"what": "body", "body": '{"a": '}, "is not valid JSON"),
        ({"what": "body", "body": "[1]"}, "must be a JSON object"),
        ({"what": "parcel", "parcel": "NOT1"}, "NOT1 is not among your parcels"),
        ({"what": "body", "body": json.dumps({"a": "x" * 66_000})}, "64 KiB"),
    )
    for form, expected in cases:
        answer = await browser.post(f"{here}/test", form=form)
        page = Document((await browser.get(answer.headers["location"])).text)

        assert expected in page.text
        if len(form.get("body", "")) < 1000:
            (area,) = page.all("textarea", name="body")
            assert form.get("body", page.value("parcel")) in (area.text, page.value("parcel"))
        assert "open" in page.all("dialog", id="test")[0].attributes
    assert await queued(portal) == []


async def test_the_api_takes_exactly_one_of_the_three(portal: Portal, shop: Caller, here: str) -> None:
    endpoint = here.rpartition("/")[2]
    stranger = await portal.account("other@example.com")
    await report(stranger, "THEIRS1")
    theirs = (await stranger.get("/v1/deliveries")).json()["items"]
    known = (await stranger.get("/v4/trackings/get")).json()["data"][0]["id"]

    answers = [await shop.post(f"/v1/endpoints/{endpoint}/test", body) for body in (*WRONG, {"tracking_id": known})]

    assert theirs == []
    assert [one.status_code for one in answers] == [422, 422, 422, 422, 404]
    assert (await shop.post(f"/v1/endpoints/{endpoint}/test", {"body": {"a": 1}})).status_code == 202
