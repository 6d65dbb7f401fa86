"""Tasks that use PostgreSQL stop when cancelled, even if their connection is lost at that moment."""

import asyncio

from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.statements import transaction
from waypost.store.trouble import LOST


async def test_a_task_that_retries_after_a_lost_connection_can_still_be_cancelled(database: Database) -> None:
    inside, lost, never = asyncio.Event(), asyncio.Event(), asyncio.Event()
    backend = 0

    async def try_again_and_again() -> None:
        nonlocal backend
        try:
            async with database.engine.acquire() as session, transaction(session):
                backend = session.get_server_pid()
                session.add_termination_listener(lambda _session: lost.set())
                inside.set()
                await never.wait()
        except LOST:
            await never.wait()

    task = asyncio.create_task(try_again_and_again())
    async with asyncio.timeout(20):
        await inside.wait()
        await database.serving.execute("select pg_terminate_backend($1)", backend)
        await lost.wait()

        (ended,) = await end(task)

    assert isinstance(ended, asyncio.CancelledError)


async def test_errors_are_returned_as_values_and_finished_tasks_are_left_alone() -> None:
    async def fail() -> None:
        raise ValueError

    failing = asyncio.create_task(fail())
    await asyncio.wait([failing])

    (error,) = await end(failing)

    assert isinstance(error, ValueError)
