"""Parcels of a carrier of karrio's are polled like any other, and its failures are one sentence at the connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_karrio_bridge import FOUND
from tests.support.api import VAULT, Caller, serving_api
from tests.support.karrio import STAND_IN, WITHOUT_KARRIO, bridging
from tests.support.receiver import HANG, Behaviour, always, answering, receiving
from tests.support.states import TODAY
from waypost.app.sources import Sources
from waypost.intake.poller import Poller
from waypost.settings import Settings
from waypost.sources import polled
from waypost.sources.http import CarrierHttp
from waypost.store.database import Database

OK = answering(200, body=FOUND.replace(b"2026-07-18", TODAY.encode()))


@dataclass
class Shop:
    """An account with a connection to Roadie by karrio, and the poll loop."""

    caller: Caller
    poller: Poller

    async def register(self, number: str) -> None:
        body = {"tracking_number": number, "courier_code": "roadie"}
        assert (await self.caller.post("/v4/trackings/create", body)).status_code == 200

    async def parcel(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.caller.get("/v4/trackings/get")).json()["data"][0]
        return found

    async def connection(self) -> dict[str, Any]:
        (found,) = (await self.caller.get("/v1/connections")).json()["items"]
        return dict(found)


@asynccontextmanager
async def connected(database: Database, url: str, worker: Path = STAND_IN, **limits: Any) -> AsyncIterator[Shop]:
    http = CarrierHttp(timeout_seconds=60, user_agent="Waypost/0")
    async with serving_api(database, with_bridge=True) as api, bridging(worker, **limits) as (bridge, _):
        sources = Sources(Settings(), http, VAULT, bridge=bridge)
        codes = polled.courier_codes(with_bridge=True)
        poller = Poller(
            database, api.parts.intake, codes=codes, services={}, detect=lambda _: (), open_source=sources.open
        )
        shop = Shop(await api.caller(), poller)
        body = {"source": "karrio-roadie", "credentials": {"api_key": url}, "untested": True}
        assert (await shop.caller.post("/v1/connections", body)).status_code == 201
        yield shop
    await http.close()


async def test_a_parcel_is_polled_through_karrio(database: Database) -> None:
    async with receiving(always(OK)) as carrier, connected(database, carrier.url) as shop:
        await shop.register("A1")
        assert await shop.poller.run_once() == 1
        parcel, connection = await shop.parcel(), await shop.connection()

    assert (parcel["delivery_status"], parcel["latest_checkpoint_time"]) == ("delivered", f"{TODAY}T13:05:00")
    assert (connection["state"], connection["message"], connection["parcels"]) == ("works", None, 1)


@pytest.mark.parametrize(
    ("number", "answer", "worker", "message"),
    [
        ("A1", answering(503), STAND_IN, "the carrier answered 503"),
        ("A1", HANG, STAND_IN, "no response in time"),
        ("CRASH", OK, STAND_IN, "karrio's process ended unexpectedly (by signal 11)"),
        ("SPIN", OK, STAND_IN, "karrio did not finish within 1 s, and its process was ended"),
        ("A1", OK, WITHOUT_KARRIO, "karrio can't be imported by WAYPOST_KARRIO_PYTHON"),
    ],
)
async def test_a_failure_is_one_sentence_at_the_connection_and_the_parcel_stays(
    database: Database, number: str, answer: bytes | Behaviour, worker: Path, message: str
) -> None:
    limits: dict[str, float] = {"ask_seconds": 1} if number == "SPIN" or answer == HANG else {}
    limits |= {"slack_seconds": 0} if number == "SPIN" else {}
    async with (
        receiving(always(answer)) as carrier,
        connected(database, carrier.url, worker, **limits) as shop,
    ):
        await shop.register(number)
        assert await shop.poller.run_once() == 1
        connection, parcel = await shop.connection(), await shop.parcel()

    assert connection["message"].startswith(f"The last poll failed: {message}")
    assert (connection["state"], parcel["delivery_status"]) == ("new", "pending")


async def test_the_reason_is_gone_when_a_poll_succeeds(database: Database) -> None:
    script = lambda number: answering(503) if number == 1 else OK  # noqa: E731 - a table of two answers
    async with receiving(script) as carrier, connected(database, carrier.url) as shop:
        await shop.register("A1")
        await shop.poller.run_once()
        failed = await shop.connection()
        await database.serving.execute("update watch set next_poll_at = now()")
        await database.serving.execute("update connection_health set spending = null")
        await shop.poller.run_once()
        works = await shop.connection()

    assert failed["message"] == "The last poll failed: the carrier answered 503"
    assert (works["state"], works["message"]) == ("works", None)
