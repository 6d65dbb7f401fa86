"""Pushes: stored before they are answered, read afterwards, and carried out exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.api import Api, Caller, add_key, serving_api
from tests.support.pushing import (
    Pusher,
    connect,
    easypost_event,
    easypost_headers,
    read_all,
    reader,
    trackingmore_headers,
)
from waypost.api.push_rates import OF_CONNECTION, PushRates
from waypost.api.report_rates import BURST_SECONDS
from waypost.domain.inbound import LARGEST_PUSH
from waypost.intake import inbox
from waypost.intake.inbox import PUSHED
from waypost.store.database import Database

NUMBER = "EZ1000000001"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()


@pytest.fixture
async def easypost(api: Api, shop: Caller) -> Pusher:
    return await connect(api, shop)


async def register(shop: Caller, number: str = NUMBER, courier: str = "usps") -> dict[str, Any]:
    answer = await shop.post("/v4/trackings/create", {"tracking_number": number, "courier_code": courier})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def status_of(shop: Caller, number: str = NUMBER) -> str | None:
    found = (await shop.get(f"/v4/trackings/get?tracking_numbers={number}")).json()["data"]
    return found[0]["delivery_status"] if found else None


async def waiting(api: Api) -> int:
    return int(await api.database.serving.fetchval("select count(*) from inbound"))


async def test_a_push_is_durable_when_it_is_answered_and_changes_its_parcel_once_it_is_read(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop)

    answer = await easypost.push(easypost_event(status="out_for_delivery"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert (await waiting(api), await status_of(shop)) == (1, "pending")
    assert await read_all(api.parts) == 1
    assert (await waiting(api), await status_of(shop)) == (0, "pickup")
    assert await easypost.calls() == [("updated", NUMBER)]


async def test_the_event_of_a_push_names_push_as_its_source(api: Api, shop: Caller, easypost: Pusher) -> None:
    await register(shop)
    await easypost.push(easypost_event())
    await read_all(api.parts)

    assert await api.database.serving.fetchval("select source from event") == "push"


async def test_a_wrong_signature_is_refused_and_explained_and_nothing_is_stored(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop)
    body = easypost_event()

    answer = await easypost.push(body, easypost_headers(body, "another secret"))
    missing = await easypost.push(body, {"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_signature")
    assert missing.json()["detail"] == "The header X-Hmac-Signature is missing."
    assert await waiting(api) == 0
    await read_all(api.parts)
    assert [became for became, _ in await easypost.calls()] == ["refused", "refused"]
    shown = (await shop.get(f"/v1/connections/{easypost.connection['id']}")).json()
    assert (shown["state"], shown["message"]) == ("refused", "The header X-Hmac-Signature is missing.")


async def test_the_metrics_count_pushes_by_their_result(api: Api, shop: Caller, easypost: Pusher) -> None:
    before = PUSHED.copy()
    await register(shop)
    await easypost.push(easypost_event())
    await easypost.push(easypost_event(), {"x-hmac-signature": "hmac-sha256-hex=00"})
    await easypost.push(b"{")
    await read_all(api.parts)

    assert dict(PUSHED - before) == {
        ("easypost", "updated"): 1,
        ("easypost", "refused"): 1,
        ("easypost", "unreadable"): 1,
    }


async def test_a_push_after_a_refused_one_shows_that_the_connection_works(api: Api, easypost: Pusher) -> None:
    await easypost.push(easypost_event(), {"x-hmac-signature": "hmac-sha256-hex=00"})
    await read_all(api.parts)
    await easypost.push(easypost_event())
    await read_all(api.parts)

    shown = (await easypost.shop.get(f"/v1/connections/{easypost.connection['id']}")).json()
    assert (shown["state"], shown["message"]) == ("works", None)
    assert shown["last_answer_at"] is not None


@pytest.mark.parametrize("spoil", ["source", "token", "tag", "nonsense"])
async def test_an_address_that_does_not_exist_is_not_found(api: Api, easypost: Pusher, spoil: str) -> None:
    _, _, source, token = easypost.path.split("/")
    spoiled = {
        "source": f"/inbound/trackingmore/{token}",
        "token": f"/inbound/{source}/{'B' if token[0] == 'A' else 'A'}{token[1:]}",
        "tag": f"/inbound/{source}/{token[:-1]}{'B' if token[-1] == 'A' else 'A'}",
        "nonsense": f"/inbound/{source}/{'%C3%A9' * 32}",
    }[spoil]
    body = easypost_event()

    answer = await api.client.post(spoiled, content=body, headers=easypost_headers(body))

    assert answer.status_code == 404
    assert await waiting(api) == 0


async def test_a_push_of_an_unknown_parcel_is_accepted_and_registers_it_only_if_the_connection_says_so(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    registering = await connect(api, shop, settings={"register": "yes"})

    assert (await easypost.push(easypost_event())).status_code == 200
    await read_all(api.parts)
    assert (await status_of(shop), await easypost.calls()) == (None, [("unknown", NUMBER)])

    assert (await registering.push(easypost_event(event="evt_2"))).status_code == 200
    await read_all(api.parts)
    assert (await status_of(shop), await registering.calls()) == ("transit", [("registered", NUMBER)])


async def test_a_push_of_a_parcel_that_was_unknown_is_read_again_when_it_is_repeated(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await easypost.push(easypost_event())
    await read_all(api.parts)
    await register(shop)

    await easypost.push(easypost_event())
    await read_all(api.parts)

    assert await status_of(shop) == "transit"


async def test_a_repeated_push_is_accepted_and_has_no_effect(api: Api, shop: Caller, easypost: Pusher) -> None:
    await register(shop)
    await easypost.push(easypost_event(status="out_for_delivery"))
    await easypost.push(easypost_event(status="delivered", event="evt_2"))
    await read_all(api.parts)

    answer = await easypost.push(easypost_event(status="out_for_delivery"))
    await read_all(api.parts)

    assert answer.status_code == 200
    assert await easypost.calls() == [("duplicate", NUMBER), ("updated", NUMBER), ("updated", NUMBER)]
    assert await api.database.serving.fetchval("select count(*) from event") == 2


async def test_pushes_of_one_parcel_are_carried_out_in_the_order_of_their_arrival(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop)
    statuses = ["pre_transit", "in_transit", "out_for_delivery", "delivered"]
    for number, status in enumerate(statuses):
        await easypost.push(easypost_event(status=status, event=f"evt_{number}"))

    await read_all(api.parts)

    rows = await api.database.serving.fetch("select status from event order by sequence")
    assert [row["status"] for row in rows] == ["inforeceived", "transit", "pickup", "delivered"]


async def test_a_push_that_cannot_be_read_is_kept_and_read_again_on_request(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop)
    assert (await easypost.push(b"{not JSON")).status_code == 200
    await easypost.push(easypost_event())

    assert await read_all(api.parts) == 2

    assert await status_of(shop) == "transit"
    assert sorted(became for became, _ in await easypost.calls()) == ["unreadable", "updated"]
    shown = (await shop.get(f"/v1/connections/{easypost.connection['id']}")).json()
    assert shown["unreadable_pushes"] == 1
    kept = await api.database.serving.fetchval("select push from inbound")
    assert b"not JSON" not in kept


async def test_a_push_is_sealed_while_it_waits(api: Api, easypost: Pusher) -> None:
    await easypost.push(easypost_event())

    assert NUMBER.encode() not in await api.database.serving.fetchval("select push from inbound")


async def test_a_body_above_one_mebibyte_is_refused(easypost: Pusher) -> None:
    body = b" " * (LARGEST_PUSH + 1)

    assert (await easypost.push(body)).status_code == 413
    assert (await easypost.push(b" " * LARGEST_PUSH)).status_code == 200


async def test_another_accounts_parcel_of_the_same_number_is_not_touched(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    other = await api.caller()
    await register(other)
    await register(shop)

    await easypost.push(easypost_event())
    await read_all(api.parts)

    assert (await status_of(shop), await status_of(other)) == ("transit", "pending")


async def test_a_push_finds_the_parcel_under_whatever_courier_its_shop_registered_it(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop, courier="dhl")

    await easypost.push(easypost_event())
    await read_all(api.parts)

    assert await status_of(shop) == "transit"


async def test_of_two_parcels_with_the_number_the_one_of_the_pushs_courier_is_meant(
    api: Api, shop: Caller, easypost: Pusher
) -> None:
    await register(shop, courier="usps")
    await register(shop, courier="dhl")

    await easypost.push(easypost_event())
    await read_all(api.parts)

    rows = await api.database.serving.fetch("select courier_code, status from tracking order by courier_code")
    assert [(row["courier_code"], row["status"]) for row in rows] == [("dhl", "pending"), ("usps", "transit")]


async def test_events_that_are_not_about_trackers_are_accepted_and_ignored(api: Api, easypost: Pusher) -> None:
    body = json.dumps({"id": "evt_9", "description": "batch.updated", "result": {"object": "Batch"}}).encode()

    assert (await easypost.push(body)).status_code == 200
    await read_all(api.parts)

    assert await easypost.calls() == [("ignored", "batch.updated is not about a tracker.")]


async def test_a_disabled_connection_takes_no_pushes(shop: Caller, easypost: Pusher) -> None:
    await shop.call("PATCH", f"/v1/connections/{easypost.connection['id']}", json={"enabled": False})

    assert (await easypost.push(easypost_event())).status_code == 404


async def test_a_connection_that_is_deleted_has_no_address_any_more(api: Api, shop: Caller, easypost: Pusher) -> None:
    await easypost.push(easypost_event())
    await shop.call("DELETE", f"/v1/connections/{easypost.connection['id']}")

    assert (await easypost.push(easypost_event())).status_code == 404
    assert await read_all(api.parts) == 1


async def test_a_secret_of_ones_own_choice_is_made_up_and_shown_once(api: Api, shop: Caller) -> None:
    made = (await shop.post("/v1/connections", {"source": "easypost", "credentials": {}})).json()
    secret = made["generated"]["secret"]
    body = easypost_event()

    answer = await api.client.post(made["inbound_url"], content=body, headers=easypost_headers(body, secret))

    assert answer.status_code == 200
    assert secret not in (await shop.get(f"/v1/connections/{made['id']}")).text


async def test_trackingmore_pushes_of_an_old_timestamp_are_refused(api: Api, shop: Caller) -> None:
    trackingmore = await connect(api, shop, "trackingmore")
    body = b'{"code":200,"message":"","data":{"tracking_number":"A1","delivery_status":"transit"}}'

    assert (await trackingmore.push(body, trackingmore_headers())).status_code == 200
    assert (await trackingmore.push(body, trackingmore_headers(at=1_770_903_000))).status_code == 401


async def test_a_connection_over_its_rate_learns_when_to_retry(database: Database) -> None:
    rates = PushRates(size=8 << 20)
    async with serving_api(database, push_rates=rates) as api:
        shop = await api.caller()
        wild, calm = await connect(api, shop), await connect(api, await api.caller())
        for _ in range(3 * OF_CONNECTION * BURST_SECONDS):
            rates.spend(shop.account, wild.id, size=1)

        refused = await wild.push(easypost_event())

        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
        assert (await calm.push(easypost_event())).status_code == 200


async def test_an_account_whose_inbox_is_crowded_is_refused_and_others_are_not(
    api: Api, easypost: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_UNREAD", 3)
    calm = await connect(api, await api.caller())
    for number in range(3):
        await easypost.push(easypost_event(event=f"evt_{number}"))
    await api.parts.inbox.look()

    assert (await easypost.push(easypost_event(event="evt_4"))).status_code == 503
    assert (await calm.push(easypost_event())).status_code == 200
    await read_all(api.parts)
    await api.parts.inbox.look()
    assert (await easypost.push(easypost_event(event="evt_5"))).status_code == 200


async def test_accounts_are_read_in_turn_however_much_one_has_waiting(api: Api, easypost: Pusher) -> None:
    calm = await connect(api, await api.caller())
    for number in range(70):
        await easypost.push(easypost_event(event=f"evt_{number}"))
    await calm.push(easypost_event())

    assert await reader(api.parts).run_once() < 71

    assert await calm.calls() == [("unknown", NUMBER)]
    assert await waiting(api) > 0


async def test_concurrent_pushes_are_committed_together(api: Api, easypost: Pusher) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(easypost.push(easypost_event(event=f"evt_{number}")))

    rows = await api.database.serving.fetch("select count(distinct xmin::text) as transactions, count(*) from inbound")
    assert rows[0]["count"] == 100
    assert rows[0]["transactions"] < 50


async def test_a_key_that_may_only_read_does_not_see_the_address(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop)
    reading = Caller(shop.account, shop.client, await add_key(api.database, shop.account, scopes=("read",)))
    path = f"/v1/connections/{pusher.connection['id']}"

    whole, listed = (await reading.get(path)).json(), (await reading.get("/v1/connections")).json()["items"]

    assert [one["inbound_url"] for one in (whole, *listed)] == [None, None]
    assert (await shop.get(path)).json()["inbound_url"] == pusher.path
