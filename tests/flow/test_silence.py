"""A parcel that a service follows is left to its pushes, and polled there once they have stayed away for too long."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from examples.carriers.formats.service import Service
from examples.carriers.server import serve
from examples.carriers.stand_in import StandIn
from tests.support.api import Api, Caller, serving_api
from tests.support.api import connect as connect_operator
from tests.support.pushing import Pusher, connect, read_all
from tests.support.stand_ins import Clock, service_stand_in
from waypost.app.sources import Sources, registering
from waypost.domain.polling import SILENCE
from waypost.domain.statuses import Status
from waypost.intake.poller import Poller
from waypost.intake.registering import ParcelRegistering
from waypost.settings import Settings
from waypost.sources import polled
from waypost.sources.http import CarrierHttp
from waypost.sources.pushes.asking import ASKED
from waypost.store.clock import DatabaseClock
from waypost.store.database import Database

HOUR = 3600.0
HERE = {"register_there": "yes"}
KEY = {"api_key": "a-key"}
UNPOLLED = "amazon"
"""A courier that Waypost can't poll itself."""


@dataclass
class World:
    """A shop that is connected to a stand-in for 17TRACK, with what registers and polls there."""

    api: Api
    shop: Caller
    service: StandIn
    clock: Clock
    registers: ParcelRegistering
    sources: Sources
    pusher: Pusher
    offset_hours: float = 0.0

    def poller(self) -> Poller:
        return Poller(
            self.api.database,
            self.api.parts.intake,
            codes=polled.courier_codes(with_bridge=False),
            services=ASKED,
            detect=lambda _number: (),
            open_source=self.sources.open,
            clock=DatabaseClock(lambda: round(self.offset_hours * HOUR * 1000)),
        )

    async def add(self, number: str = "A1", courier: str = UNPOLLED) -> str:
        made = await self.shop.post("/v4/trackings/create", {"tracking_number": number, "courier_code": courier})
        return str(made.json()["data"]["id"])

    async def register(self, number: str = "A1", courier: str = UNPOLLED) -> str:
        """Add a parcel that nobody is polled for, and register it at the service."""
        tracking = await self.add(number, courier)
        await self.poller().run_once()
        assert await self.registers.run_once() == 1
        return tracking

    async def poll(self) -> int:
        """Poll whatever is planned, however late it is, and return how many calls the service got."""
        await self.api.database.serving.execute("update watch set next_poll_at = now() where next_poll_at is not null")
        before = self.service.journal.questions
        await self.poller().run_once()
        return self.service.journal.questions - before

    async def push(self, number: str = "A1") -> None:
        form = self.service.form
        assert isinstance(form, Service)
        sight, stage = self.service.fleet.look(number)
        assert sight is not None
        assert stage is not None
        self.service.fleet.served(number, stage)
        webhook = form.push(sight, KEY["api_key"])
        assert (await self.pusher.push(webhook.body, webhook.headers)).status_code == 200
        await read_all(self.api.parts)

    async def wait(self) -> float | None:
        """Return the hours until the parcel is polled, by the poller's clock."""
        wait: float | None = await self.api.database.serving.fetchval(
            "select extract(epoch from next_poll_at - now())::float8 / 3600 from watch"
        )
        return wait

    async def polling(self, tracking: str) -> dict[str, Any]:
        found = await self.shop.get(f"/v1/trackings/{tracking}")
        return dict(found.json()["polling"])


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    clock = Clock()
    service = service_stand_in("17track", clock)
    http = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    async with serving_api(database) as api, serve({"17track": service}, 0) as url:
        sources = Sources(
            Settings.model_validate({"service_17track_base_url": f"{url}/17track"}), http, api.parts.vault
        )
        shop = await api.caller()
        pusher = await connect(api, shop, "17track", credentials=KEY, settings=HERE)
        registers = registering(database, sources, settled_seconds=-1)
        yield World(api, shop, service, clock, registers, sources, pusher)
    await http.close()


async def test_a_registered_parcel_is_left_to_pushes_until_they_have_stayed_away_for_too_long(world: World) -> None:
    tracking = await world.register()

    at_once = await world.poll()
    waits = await world.wait()
    world.offset_hours = SILENCE[Status.PENDING] / HOUR * 1.2
    later = await world.poll()

    assert (at_once, later) == (0, 1)
    assert waits == pytest.approx(SILENCE[Status.PENDING] / HOUR, rel=0.11)
    assert (await world.polling(tracking))["asked"]["name"] == "17TRACK"
    row = await world.api.database.serving.fetchrow("select status, source from event")
    assert row is not None
    assert tuple(row) == ("inforeceived", "poll")


async def test_news_that_no_push_brought_is_followed_by_the_schedule_of_carriers(world: World) -> None:
    await world.register()
    world.offset_hours = 15.0

    await world.poll()
    after_news = await world.wait()
    world.offset_hours = 30.0
    await world.poll()
    after_none = await world.wait()

    assert after_news == pytest.approx(6.0, rel=0.11)
    assert after_none == pytest.approx(72.0, rel=0.11)


async def test_a_push_ends_the_silence(world: World) -> None:
    tracking = await world.register()
    world.offset_hours = 15.0
    await world.poll()
    await world.api.database.serving.execute("update watch set heard_at = now() - interval '1 hour'")

    await world.push()

    world.offset_hours = SILENCE[Status.INFORECEIVED] / HOUR * 0.8
    assert await world.poll() == 0
    polling = await world.polling(tracking)
    assert polling["pushed_at"] is not None
    row = await world.api.database.serving.fetchrow("select heard_at > last_polled_at as later from watch")
    assert row is not None
    assert row["later"]


async def test_a_push_has_the_parcel_looked_at_no_later_than_the_shortest_silence(world: World) -> None:
    await world.register()
    await world.poll()
    await world.api.database.serving.execute("update watch set heard_at = now() - interval '1 hour'")

    await world.push()

    assert await world.wait() == pytest.approx(min(SILENCE.values()) / HOUR, abs=0.1)


async def test_a_parcel_that_the_service_refused_is_not_polled_there(world: World) -> None:
    tracking = await world.add("A1")
    await world.poller().run_once()
    await world.api.database.serving.execute(
        "insert into registration (tracking, connection, refused) values ($1::text::uuid, $2, 'no')",
        tracking,
        world.pusher.id,
    )
    world.offset_hours = 100.0

    assert await world.poll() == 0
    assert (await world.polling(tracking))["not_asked"] == "unsupported"


async def test_a_carrier_that_is_connected_later_is_polled_instead(world: World) -> None:
    tracking = await world.register(courier="ups")
    credentials = {"client_id": "me", "client_secret": "secret"}
    await world.shop.post("/v1/connections", {"source": "ups", "name": "UPS", "credentials": credentials})

    await world.poller().route()

    assert (await world.polling(tracking))["asked"]["name"] == "UPS"


async def test_a_service_that_registers_no_longer_is_not_polled(world: World) -> None:
    tracking = await world.register()
    await world.shop.call("PATCH", f"/v1/connections/{world.pusher.connection['id']}", json={"settings": {}})
    world.offset_hours = 15.0

    assert await world.poll() == 0
    assert (await world.polling(tracking))["asked"] is None


async def test_parcels_that_were_registered_before_are_polled_once_the_setting_is_ticked_again(world: World) -> None:
    tracking = await world.register()
    address = f"/v1/connections/{world.pusher.connection['id']}"
    await world.shop.call("PATCH", address, json={"settings": {}})
    await world.poll()
    await world.shop.call("PATCH", address, json={"settings": HERE})

    await world.poller().route()

    assert (await world.polling(tracking))["asked"]["name"] == "17TRACK"


async def test_a_person_who_refreshes_a_parcel_does_not_wait_for_pushes(world: World) -> None:
    tracking = await world.register()
    await world.poll()

    answered = await world.shop.post(f"/v1/trackings/{tracking}/refresh")

    assert answered.status_code in (200, 202)
    assert await world.poll() == 1


async def test_a_restarted_parcel_is_polled_at_its_service_again(world: World) -> None:
    tracking = await world.register()
    await world.api.database.serving.execute(
        "update watch set connection = null, next_poll_at = null"
    )  # as an expired one is
    await world.shop.call("PUT", f"/v4/trackings/update/{tracking}", json={"archived_status": "archived"})
    await world.shop.call("PUT", f"/v4/trackings/update/{tracking}", json={"archived_status": "tracking"})

    await world.poller().route()

    assert (await world.polling(tracking))["asked"]["name"] == "17TRACK"


async def test_a_number_that_the_service_does_not_follow_makes_no_event(world: World) -> None:
    tracking = await world.register()
    form = world.service.form
    assert isinstance(form, Service)
    form.followed.clear()
    world.offset_hours = 15.0

    assert await world.poll() == 1

    assert (await world.polling(tracking))["outcome"] == "the parcel is not registered there"
    assert await world.api.database.serving.fetchval("select count(*) from event") == 0
    shown = (await world.shop.get(f"/v1/connections/{world.pusher.connection['id']}")).json()
    assert shown["state"] == "works"


async def test_an_answer_is_not_shown_as_a_push_of_the_connection(world: World) -> None:
    await world.register()
    world.offset_hours = 15.0

    assert await world.poll() == 1

    shown = (await world.shop.get(f"/v1/connections/{world.pusher.connection['id']}")).json()
    assert (shown["last_answer_at"], shown["parcels"]) == (None, 1)
    assert 0 < shown["asks_left"] < 20_000


async def test_a_new_service_does_not_have_the_operators_carriers_polled_early(world: World) -> None:
    await connect_operator(world.api.database, ["usps"])
    await world.add("A1", "usps")
    await world.poller().route()
    await world.api.database.serving.execute("update watch set next_poll_at = now() + interval '5 hours'")
    await connect(world.api, world.shop, "trackingmore", credentials=KEY, settings=HERE)

    await world.poller().route()

    assert await world.wait() == pytest.approx(5.0, abs=0.1)
