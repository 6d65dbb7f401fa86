"""An account's parcels are registered at its services, each once; refused ones say why, deleted ones are stopped."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.api import Api, Caller, serving_api
from tests.support.pushing import Pusher, connect
from tests.support.receiver import Receiver, answering, receiving
from waypost.app.sources import Sources
from waypost.app.sources import registering as registering_at
from waypost.intake.registering import ParcelRegistering
from waypost.settings import Settings
from waypost.sources.http import CarrierHttp
from waypost.store.database import Database

HERE = {"register_there": "yes"}
KEY = {"api_key": "a-key"}


class Service:
    """17TRACK as far as parcels are registered there; it refuses numbers that begin with X."""

    def __init__(self) -> None:
        self.receiver: Receiver | None = None
        self.status = 200

    def answer(self, number: int) -> bytes:
        assert self.receiver is not None
        if self.status != 200:
            return answering(self.status)
        asked = json.loads(self.receiver.requests[number - 1].body)
        rejected = [
            {"number": one["number"], "error": {"code": -18019903, "message": "Not detected"}}
            for one in asked
            if one["number"].startswith("X")
        ]
        return answering(200, body=json.dumps({"code": 0, "data": {"rejected": rejected}}).encode())

    def asked(self) -> list[tuple[str, list[str]]]:
        assert self.receiver is not None
        return [
            (one.path.rpartition("/")[2], [asked["number"] for asked in json.loads(one.body)])
            for one in self.receiver.requests
        ]


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    async with receiving(made.answer) as receiver:
        made.receiver = receiver
        yield made


@pytest.fixture
async def registering(api: Api, service: Service) -> AsyncIterator[ParcelRegistering]:
    assert service.receiver is not None
    http = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    url = f"http://127.0.0.1:{service.receiver.port}"
    sources = Sources(Settings.model_validate({"service_17track_base_url": url}), http, api.parts.vault)
    yield registering_at(api.database, sources, settled_seconds=-1)
    await http.close()


async def connected(api: Api, shop: Caller, **body: Any) -> Pusher:
    return await connect(api, shop, "17track", **{"credentials": KEY, "settings": HERE} | body)


async def register(shop: Caller, *numbers: str) -> Sequence[str]:
    return [
        (await shop.post("/v4/trackings/create", {"tracking_number": one, "courier_code": "usps"})).json()["data"]["id"]
        for one in numbers
    ]


async def test_parcels_are_registered_once_and_new_ones_afterwards(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    await register(shop, "A1", "A2")
    await connected(api, shop)

    done = [await registering.run_once() for _ in range(2)]
    await register(shop, "A3")
    done.append(await registering.run_once())

    assert done == [2, 0, 1]
    assert service.asked() == [("register", ["A1", "A2"]), ("register", ["A3"])]


async def test_parcels_of_other_accounts_and_of_connections_that_do_not_say_so_are_not_registered(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    await register(shop, "A1")
    await register(await api.caller(), "B1")
    await connected(api, shop, settings={})

    assert (await registering.run_once(), service.asked()) == (0, [])


async def test_a_refused_parcel_says_why_and_does_not_hold_up_the_others(
    api: Api, shop: Caller, registering: ParcelRegistering
) -> None:
    await register(shop, "X1", "A1")
    await connected(api, shop)

    await registering.run_once()

    rows = await api.database.serving.fetch(
        "select t.tracking_number, r.refused from registration r join tracking t on t.id = r.tracking order by 1"
    )
    assert [tuple(row) for row in rows] == [("A1", None), ("X1", "Not detected")]


async def test_a_deleted_parcel_is_stopped_there(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    (tracking,) = await register(shop, "A1")
    await connected(api, shop)
    await registering.run_once()
    await shop.call("DELETE", f"/v4/trackings/delete/{tracking}")

    await registering.run_once()
    await registering.run_once()

    assert service.asked() == [("register", ["A1"]), ("stoptrack", ["A1"])]


async def archive(shop: Caller, tracking: str, status: str = "archived") -> None:
    await shop.call("PUT", f"/v4/trackings/update/{tracking}", json={"archived_status": status})


async def test_a_number_that_was_added_again_is_not_stopped(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    (tracking,) = await register(shop, "A1")
    await connected(api, shop)
    await registering.run_once()
    await shop.call("DELETE", f"/v4/trackings/delete/{tracking}")
    await register(shop, "A1")

    await registering.run_once()
    await registering.run_once()

    assert service.asked() == [("register", ["A1"]), ("register", ["A1"])]
    assert await api.database.serving.fetchval("select count(*) from registration") == 1


async def test_an_archived_parcel_is_stopped_once_and_followed_again_when_it_is_back(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    (tracking,) = await register(shop, "A1")
    await connected(api, shop)
    await registering.run_once()
    await archive(shop, tracking)
    registering._ends._rests.clear()

    await registering.run_once()
    stopped = (await shop.get(f"/v1/trackings/{tracking}")).json()["polling"]["registered"]
    registering._ends._rests.clear()
    await registering.run_once()
    await archive(shop, tracking, "tracking")
    await registering.run_once()
    await registering.run_once()
    back = (await shop.get(f"/v1/trackings/{tracking}")).json()["polling"]["registered"]

    assert service.asked() == [("register", ["A1"]), ("stoptrack", ["A1"]), ("retrack", ["A1"])]
    assert [one["stopped_at"] is None for one in (*stopped, *back)] == [False, True]


@pytest.mark.parametrize(
    ("state", "calls"),
    [(("delivered", 8), 2), (("delivered", 6), 1), (("expired", 0), 2), (("transit", 8), 1)],
)
async def test_parcels_that_are_over_are_stopped(
    registering: ParcelRegistering, api: Api, service: Service, state: tuple[str, int], calls: int
) -> None:
    shop = await api.caller()
    await register(shop, "A1")
    await connected(api, shop)
    await registering.run_once()
    await api.database.serving.execute(
        "update tracking set status = $1, updated_at = now() - make_interval(days => $2)", *state
    )
    registering._ends._rests.clear()

    await registering.run_once()

    assert len(service.asked()) == calls


async def test_all_registrations_are_looked_through_in_pages(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.intake.registration_ends.PAGE", 2)
    trackings = await register(shop, "A1", "A2", "A3", "A4", "A5")
    await connected(api, shop)
    await registering.run_once()
    for tracking in trackings:
        await archive(shop, tracking)
    registering._ends._after.clear()

    for _ in range(4):
        await registering.run_once()

    stopped = sorted(number for call, numbers in service.asked() if call == "stoptrack" for number in numbers)
    assert stopped == ["A1", "A2", "A3", "A4", "A5"]


async def test_a_service_in_trouble_is_asked_again_later_and_no_parcel_is_passed_over(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    await register(shop, "A1")
    pusher = await connected(api, shop)
    service.status = 401
    refused = await registering.run_once(), await registering.run_once()
    shown = (await shop.get(f"/v1/connections/{pusher.connection['id']}")).json()

    registering._paused.clear()
    service.status = 200
    again = await registering.run_once()

    assert (refused, again) == ((0, 0), 1)
    assert len(service.asked()) == 2  # none during the pause
    assert shown["state"] == "refused"
    assert shown["message"].startswith("Parcels can't be registered there:")


async def test_a_connection_without_its_key_says_so(
    api: Api, shop: Caller, registering: ParcelRegistering, service: Service
) -> None:
    await register(shop, "A1")
    pusher = await connect(api, shop, "easypost", settings=HERE)

    await registering.run_once()

    shown = (await shop.get(f"/v1/connections/{pusher.connection['id']}")).json()
    assert shown["message"] == "Parcels can't be registered there: the connection has no API key."
    assert service.asked() == []
