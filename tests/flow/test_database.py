"""The connections of the pools: their state between requests, and the errors that mean there are none."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient

from tests.support.api import serving_api
from waypost.api.application import make_application
from waypost.store.database import Access, Database
from waypost.store.trouble import LOST


@pytest.mark.parametrize("kind", ["engine", "serving"])
async def test_a_connection_is_released_without_a_round_trip(database: Database, kind: str) -> None:
    async with getattr(database, kind).acquire() as session:
        pid = await session.fetchval("select pg_backend_pid() as mine")

    async with database.holding.acquire() as session:
        last = await session.fetchval("select query from pg_stat_activity where pid = $1", pid)
    assert last == "select pg_backend_pid() as mine"


async def test_an_open_transaction_is_rolled_back_on_release(database: Database) -> None:
    async with database.serving.acquire() as session:
        pid = await session.fetchval("select pg_backend_pid()")
        await session.execute("begin")

    async with database.engine.acquire() as session:
        state = await session.fetchval("select state from pg_stat_activity where pid = $1", pid)
    assert state == "idle"


async def test_locks_of_a_session_end_on_release(database: Database) -> None:
    with suppress(RuntimeError):
        async with database.holding.acquire() as session:
            await session.execute("select pg_advisory_lock(1, 2)")
            await session.execute("listen something")
            raise RuntimeError

    async with database.engine.acquire() as session:
        assert await session.fetchval("select pg_try_advisory_xact_lock(1, 2)")
    async with database.holding.acquire() as session:
        assert await session.fetch("select pg_listening_channels()") == []


@contextmanager
def silent_server() -> Iterator[int]:
    """Yield the port of a server that accepts connections and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("place", ["host=/nowhere&port=1", "host=/tmp&port=1", "host=127.0.0.1&port=1"])
async def test_connection_failures_are_reported_as_a_lost_database(place: str) -> None:
    with pytest.raises(LOST):
        await Database.open(Access(f"postgresql://a:b@/c?{place}&sslmode=disable"))


async def test_a_server_that_does_not_answer_in_time_is_reported_as_a_lost_database() -> None:
    with silent_server() as port, pytest.raises(LOST):
        await Database.open(Access(f"postgresql://a:b@127.0.0.1:{port}/c?sslmode=disable", connect_seconds=0.2))


async def test_an_unreadable_file_is_not_reported_as_a_lost_database(database: Database) -> None:
    async def metrics() -> bytes:
        raise FileNotFoundError(2, "No such file", "/proc/none")

    async with serving_api(database) as api:
        application = cast("Any", make_application(replace(api.parts, metrics=metrics)))
        async with AsyncClient(transport=ASGITransport(application), base_url="http://waypost.test") as client:
            answer = await client.get("/metrics")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
