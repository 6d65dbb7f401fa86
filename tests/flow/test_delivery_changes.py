"""Resending and cancelling single deliveries."""

import asyncio
from typing import Any

import pytest

from tests.flow.test_api_deliveries import DELIVERY, add, dispatching, listed, report, url_of
from tests.support.api import Api, Caller
from tests.support.receiver import Received, Receiver, answering, receiving
from waypost.domain.retry import Policy

ABSENT = f"dlv_{'0' * 12}7{'0' * 19}"


async def lease(api: Api) -> None:
    await api.database.serving.execute(
        "update due set lease_no = 1, leased_by = 1, leased_until = now() + interval '1 minute' where not blocked"
    )


def sequences(receiver: Receiver) -> list[tuple[str, str]]:
    def parcel(request: Received) -> str:
        return "A1" if b'"A1"' in request.body else "B1"

    return [(parcel(request), request.headers["waypost-sequence"]) for request in receiver.requests]


async def test_a_resend_is_a_separate_delivery_that_waits_for_nothing(api: Api, shop: Caller) -> None:
    await add(api, shop)
    await report(shop, "A1", 8, 9)
    second, first = await listed(shop)

    answer = await shop.post(f"/v1/deliveries/{second['id']}/resend")

    made = answer.json()
    assert (answer.status_code, list(made)) == (201, [*DELIVERY, "attempts"])
    assert made["resend_of"] == second["id"]
    assert (made["event_id"], made["sequence"]) == (second["event_id"], second["sequence"])
    assert (made["state"], made["blocked_by"], made["attempts"]) == ("waiting", None, [])
    assert [item["id"] for item in await listed(shop)] == [made["id"], second["id"], first["id"]]
    assert len(await listed(shop, "tracking_number=A1")) == 3


async def test_a_resend_has_the_original_webhook_id_and_is_recorded_as_a_resend(api: Api, shop: Caller) -> None:
    async with receiving(lambda number: answering(500 if number == 1 else 200)) as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        async with dispatching(api, 1, policy=Policy(limit=0)):
            pass
        (failed,) = await listed(shop)
        made = (await shop.post(f"/v1/deliveries/{failed['id']}/resend")).json()
        async with dispatching(api, 2, policy=Policy(limit=0)):
            pass

    first, again = receiver.requests
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert (first.body, again.headers["waypost-attempt"]) == (again.body, "1")
    found = (await shop.get(f"/v1/deliveries/{made['id']}")).json()
    assert (found["state"], found["resend_of"], len(found["attempts"])) == ("delivered", failed["id"], 1)


async def test_a_failed_resend_is_not_superseded_by_its_parcels_queue(api: Api, shop: Caller) -> None:
    endpoint = await add(api, shop)
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"ordering": "latest"})
    async with receiving(lambda _: answering(500 if resends() else 200)) as receiver:

        def resends() -> bool:
            return receiver.requests[-1].headers["waypost-sequence"] == "1"

        await api.database.serving.execute("update endpoint set url = $1", url_of(receiver))
        await report(shop, "A1", 8)
        (first,) = await listed(shop)
        await report(shop, "A1", 9)
        made = (await shop.post(f"/v1/deliveries/{first['id']}/resend")).json()
        async with dispatching(api, 3, policy=Policy(base_seconds=0.01, limit=1)):
            pass

    found = (await shop.get(f"/v1/deliveries/{made['id']}")).json()
    assert (found["state"], found["attempt_count"]) == ("failed", 2)


async def test_deliveries_of_a_deleted_parcel_cannot_be_resent(api: Api, shop: Caller) -> None:
    await add(api, shop)
    await report(shop, "A1", 8)
    (delivery,) = await listed(shop)
    await shop.call("DELETE", f"/v4/trackings/delete/{delivery['tracking_id']}")

    answer = await shop.post(f"/v1/deliveries/{delivery['id']}/resend")

    assert (answer.status_code, answer.json()["code"]) == (409, "tracking_deleted")
    assert len(await listed(shop)) == 1


async def test_cancelling_a_head_releases_the_rest_of_its_queue(api: Api, shop: Caller) -> None:
    await add(api, shop)
    await report(shop, "A1", 8, 9, 10)
    third, second, first = await listed(shop)
    assert [third["blocked_by"], second["blocked_by"]] == [first["id"]] * 2

    answer = await shop.post(f"/v1/deliveries/{first['id']}/cancel")

    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "cancelled", "user")
    third, second, first = await listed(shop)
    assert (second["state"], second["blocked_by"]) == ("waiting", None)
    assert (third["state"], third["blocked_by"]) == ("blocked", second["id"])
    assert (await shop.get(f"/v1/deliveries/{third['id']}")).json()["blocked_by"] == second["id"]


async def test_cancelling_a_delivery_in_the_middle_keeps_the_order_of_the_others(api: Api, shop: Caller) -> None:
    async with receiving() as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8, 9, 10)
        _, second, _ = await listed(shop)

        await shop.post(f"/v1/deliveries/{second['id']}/cancel")

        async with dispatching(api, 3, policy=Policy()):
            pass
        assert sequences(receiver) == [("A1", "1"), ("A1", "3")]


@pytest.mark.parametrize(("status", "state", "reason"), [(200, "delivered", None), (500, "cancelled", "user")])
async def test_cancelling_a_delivery_in_flight_lets_its_attempt_decide(
    api: Api, shop: Caller, status: int, state: str, reason: str | None
) -> None:
    answered = asyncio.Event()
    codes: list[int] = []

    async def later(peer: Any) -> None:
        await answered.wait()
        await peer.write(answering(status))

    async with receiving(lambda _: later) as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        (first,) = await listed(shop)

        async def cancel_when_it_came() -> None:
            await receiver.received(1)
            codes.append((await shop.post(f"/v1/deliveries/{first['id']}/cancel")).status_code)
            answered.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cancel_when_it_came())
            async with dispatching(api, 1, policy=Policy()):
                pass

    (item,) = await listed(shop)
    assert (codes, item["state"], item["reason"]) == ([202], state, reason)


async def test_settled_deliveries_cannot_be_cancelled(api: Api, shop: Caller) -> None:
    await add(api, shop)
    await report(shop, "A1", 8)
    (item,) = await listed(shop)
    await shop.post(f"/v1/deliveries/{item['id']}/cancel")

    again = await shop.post(f"/v1/deliveries/{item['id']}/cancel")

    assert (again.status_code, again.json()["code"]) == (409, "already_settled")


async def test_a_delivery_claimed_while_being_cancelled_is_marked(api: Api, shop: Caller) -> None:
    await add(api, shop)
    await report(shop, "A1", 8)
    (item,) = await listed(shop)
    await lease(api)

    answer = await shop.post(f"/v1/deliveries/{item['id']}/cancel")

    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert await api.database.serving.fetchval("select cancelling from due") == "user"


@pytest.mark.parametrize("resent", [False, True])
async def test_a_delivery_cancelled_in_flight_is_not_repeated_after_its_dispatcher_died(
    api: Api, shop: Caller, *, resent: bool
) -> None:
    async with receiving() as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        if resent:
            async with dispatching(api, 1, policy=Policy()):
                pass
            (first,) = await listed(shop)
            await shop.post(f"/v1/deliveries/{first['id']}/resend")
        item, *_ = await listed(shop)
        await lease(api)
        await shop.post(f"/v1/deliveries/{item['id']}/cancel")
        await api.database.serving.execute("update due set leased_by = null, leased_until = null")

        async with dispatching(api, 1 + resent, policy=Policy()):
            pass

        item, *_ = await listed(shop)
        assert (item["state"], item["reason"], item["attempt_count"]) == ("cancelled", "user", 0)
        assert len(receiver.requests) == int(resent)


async def test_an_impossible_resend_says_why_and_creates_nothing(api: Api, shop: Caller) -> None:
    endpoint = await add(api, shop)
    await report(shop, "A1", 8)
    (item,) = await listed(shop)

    async def refusal(delivery: str) -> tuple[int, str]:
        answer = await shop.post(f"/v1/deliveries/{delivery}/resend")
        return answer.status_code, answer.json()["code"]

    await shop.post(f"/v1/endpoints/{endpoint}/test", {"status": "delivered"})
    (test,) = await listed(shop, "test=true")
    assert await refusal(test["id"]) == (409, "test_delivery")
    await shop.post(f"/v1/endpoints/{endpoint}/disable")
    assert await refusal(item["id"]) == (409, "endpoint_off")
    await shop.call("DELETE", f"/v1/endpoints/{endpoint}")
    assert await refusal(item["id"]) == (409, "endpoint_deleted")
    await api.database.serving.execute("delete from event")
    assert await refusal(item["id"]) == (409, "event_gone")
    assert await api.database.serving.fetchval("select count(*) from due where sample is null") == 0


@pytest.mark.parametrize("what", ["resend", "cancel"])
async def test_another_accounts_delivery_does_not_exist(api: Api, shop: Caller, what: str) -> None:
    other = await api.caller()
    await add(api, other)
    await report(other, "A1", 8)
    (theirs,) = await listed(other)

    tried = await shop.post(f"/v1/deliveries/{theirs['id']}/{what}")
    absent = await shop.post(f"/v1/deliveries/{ABSENT}/{what}")
    junk = await shop.post(f"/v1/deliveries/x/{what}")

    assert (tried.status_code, tried.content, junk.content) == (404, absent.content, absent.content)
    assert await listed(other) == [theirs]


@pytest.mark.parametrize("what", ["resend", "cancel"])
async def test_a_read_only_key_changes_no_delivery(api: Api, what: str) -> None:
    reader = await api.caller(scopes=("read",))

    assert (await reader.post(f"/v1/deliveries/{ABSENT}/{what}")).status_code == 403
