"""The connections of the serving pool, as one request leaves them for the next."""

from waypost.store.database import Database


async def test_a_connection_is_given_back_without_a_round_trip(database: Database) -> None:
    async with database.serving.acquire() as session:
        pid = await session.fetchval("select pg_backend_pid() as mine")

    async with database.engine.acquire() as session:
        last = await session.fetchval("select query from pg_stat_activity where pid = $1", pid)
    assert last == "select pg_backend_pid() as mine"


async def test_a_transaction_that_was_left_open_is_rolled_back(database: Database) -> None:
    async with database.serving.acquire() as session:
        pid = await session.fetchval("select pg_backend_pid()")
        await session.execute("begin")

    async with database.engine.acquire() as session:
        state = await session.fetchval("select state from pg_stat_activity where pid = $1", pid)
    assert state == "idle"
