"""How often a lone update makes intake wait for PostgreSQL: counted on the wire, on every connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.support.api import Caller, add_key, serving_api
from tests.support.databases import add_endpoint, named
from tests.support.round_trips import counted
from waypost.store.database import Database
from waypost.store.few_updates import MOST_ROWS

LONE = ["begin", "lock_if_known", "write_few", "commit"]


@asynccontextmanager
async def counting(database: Database, server_dsn: str) -> AsyncIterator[tuple[Caller, list[str]]]:
    """Serve the API with round trips counted, once every statement is prepared and what is cached was read."""
    name = await database.serving.fetchval("select current_database()")
    async with counted(named(server_dsn, name)) as (behind, trips), serving_api(behind) as api:
        shop = await api.caller()
        await report(shop, "WARM", 8)
        await report(shop, "WARM", 9)
        trips.clear()
        yield shop, trips


async def report(shop: Caller, number: str, hour: int, *, parcels: int = 1) -> None:
    scan = {"checkpoint_date": f"2026-03-02T{hour:02}:00:00", "tracking_detail": "Departed from the hub"}
    told = {"courier_code": "dhl", "create": True, "checkpoints": [scan]}
    numbers = [number, *(f"{number}-{place}" for place in range(1, parcels))]
    answer = await shop.post("/v1/updates", {"updates": [{"tracking_number": one} | told for one in numbers]})
    assert answer.json()["changed"] == parcels


@pytest.mark.parametrize("ordering", ["ordered", "unordered"])
async def test_a_lone_update_takes_four_round_trips(database: Database, server_dsn: str, ordering: str) -> None:
    async with counting(database, server_dsn) as (shop, trips):
        for _ in range(4):
            await add_endpoint(database, shop.account, ordering=ordering)

        await report(shop, "A1", 8)
        first = trips.copy()
        trips.clear()
        await report(shop, "A1", 9)

    assert first == [*LONE, "couriers_of_numbers"]  # a new number is compared with the account's others
    assert trips == LONE
    assert await database.serving.fetchval("select count(*) from due") == 2 * 4


async def test_many_updates_of_known_parcels_take_hardly_more(database: Database, server_dsn: str) -> None:
    async with counting(database, server_dsn) as (shop, trips):
        await add_endpoint(database, shop.account)
        for hour in (8, 9):  # the second prepares the statements
            await report(shop, "A1", hour, parcels=MOST_ROWS + 1)
        trips.clear()
        await report(shop, "A1", 10, parcels=MOST_ROWS + 1)

    copied = ["copy_due", "copy_due ends", "copy_event", "copy_event ends"]
    assert trips == [*LONE[:2], "queues", *copied, "change_trackings", "commit"]


async def test_the_first_call_of_a_key_takes_one_more(database: Database, server_dsn: str) -> None:
    async with counting(database, server_dsn) as (shop, trips):
        await report(replace(shop, key=await add_key(database, shop.account)), "WARM", 10)

    assert trips == ["use_key", *LONE]
