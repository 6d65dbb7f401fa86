"""Facts about persons are erased from parcels that ended long ago, and at a customer's request, also from events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.api import Api, Caller, serving_api
from waypost.actions.actor import Actor
from waypost.actions.erasing import erase_customer
from waypost.actions.refusals import Invalid
from waypost.domain.trackings import DAY_MS
from waypost.keeper.keeper import Keeper
from waypost.store.clock import DatabaseClock
from waypost.store.database import Database

PERSONS = {
    "customer_name": "Kim Example",
    "customer_email": "kim@example.test",
    "recipient_postcode": "53113",
    "signed_by": "K. Example",
}
KEPT = {"order_number": "77", "destination_country": "DE"}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()


def actor_of(shop: Caller) -> Actor:
    return Actor(shop.account, "a test")


async def report(shop: Caller, number: str, status: str, **facts: str) -> None:
    scan = {
        "checkpoint_date": "2026-03-02T10:00:00",
        "tracking_detail": f"Scan {status}",
        "checkpoint_delivery_status": status,
    }
    told = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    answer = await shop.post("/v1/updates", {"updates": [told | PERSONS | KEPT | facts]})
    assert answer.json()["accepted"] == 1, answer.text


async def shown(shop: Caller, number: str) -> dict[str, Any]:
    (found,) = (await shop.get(f"/v4/trackings/get?tracking_numbers={number}")).json()["data"]
    assert isinstance(found, dict)
    return found


async def events(shop: Caller) -> str:
    return str((await shop.get("/v1/events?limit=100")).text)


async def keep(api: Api, days: int) -> None:
    """Let the keeper look at every parcel that many days from now."""
    await api.database.serving.execute("update watch set expires_at = now() - interval '1 second'")
    keeper = Keeper(api.database, api.parts.intake, history_days=30, clock=DatabaseClock(lambda: days * DAY_MS))
    async with api.database.engine.acquire() as session:
        await keeper.expire(session)


async def test_persons_are_erased_30_days_after_the_end_from_the_parcel_and_its_events(api: Api, shop: Caller) -> None:
    await report(shop, "A1", "transit")
    await report(shop, "A1", "delivered")

    await keep(api, 29)
    before = await shown(shop, "A1")
    await keep(api, 31)
    after = await shown(shop, "A1")

    assert {name: before[name] for name in PERSONS} == PERSONS
    assert {name: after[name] for name in PERSONS} == dict.fromkeys(PERSONS)
    assert {name: after[name] for name in KEPT} == KEPT
    assert (after["delivery_status"], after["update_at"]) == ("delivered", before["update_at"])
    assert "Example" not in await events(shop)
    assert len(json.loads(await events(shop))["items"]) == 2
    assert await api.database.serving.fetch("select from tracking where customer_name is not null") == []


async def test_persons_of_a_parcel_that_is_on_its_way_are_kept(api: Api, shop: Caller) -> None:
    await report(shop, "A1", "transit")

    await keep(api, 29)

    assert (await shown(shop, "A1"))["customer_name"] == "Kim Example"


async def test_a_customers_request_erases_all_parcels_of_that_customer_and_no_others(api: Api, shop: Caller) -> None:
    other = await api.caller()
    await report(shop, "A1", "transit")
    await report(shop, "A2", "transit", customer_name="kim  EXAMPLE", customer_email="another@example.test")
    await report(shop, "A3", "transit", customer_name="Lee", customer_email="lee@example.test")
    await report(other, "A1", "transit")

    done = await erase_customer(api.parts, actor_of(shop), customer="Kim Example")

    assert done.parcels == 2
    assert [(await shown(shop, one))["customer_name"] for one in ("A1", "A2", "A3")] == [None, None, "Lee"]
    assert (await shown(other, "A1"))["customer_name"] == "Kim Example"
    assert "kim@example.test" not in await events(shop)
    assert "lee@example.test" in await events(shop)


async def test_a_parcel_is_erased_by_its_number_and_only_once(api: Api, shop: Caller) -> None:
    await report(shop, "A1", "transit")
    await report(shop, "A2", "transit")

    first = await erase_customer(api.parts, actor_of(shop), numbers=("A1",))
    second = await erase_customer(api.parts, actor_of(shop), numbers=("A1",))

    assert (first.parcels, second.parcels) == (1, 0)
    assert (await shown(shop, "A2"))["customer_name"] == "Kim Example"


async def test_without_a_customer_or_a_number_nothing_is_erased(api: Api, shop: Caller) -> None:
    with pytest.raises(Invalid):
        await erase_customer(api.parts, actor_of(shop), customer="  ")


async def test_what_was_erased_does_not_come_back_with_the_next_update(api: Api, shop: Caller) -> None:
    await report(shop, "A1", "transit")
    await erase_customer(api.parts, actor_of(shop), customer="kim@example.test")
    scan = {"checkpoint_date": "2026-03-03T10:00:00", "tracking_detail": "Arrived"}
    told = {"tracking_number": "A1", "courier_code": "dhl", "checkpoints": [scan]}

    await shop.post("/v1/updates", {"updates": [told]})

    assert (await shown(shop, "A1"))["customer_email"] is None
    assert "Example" not in await events(shop)
