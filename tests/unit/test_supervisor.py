"""Parts are kept running. An outage of the database and a child stopped during its start are not logged as failures."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.databases import PLACE
from waypost.app.dispatching import DispatchProcess
from waypost.app.supervisor import Part, keep_running
from waypost.settings import Settings
from waypost.store.outage import Outage
from waypost.store.trouble import Unreachable


class Database:
    """A database that is up or down as the test wants; ``asked`` is set at each query."""

    def __init__(self) -> None:
        self.away = True
        self.asked = asyncio.Event()

    async def answer(self) -> None:
        self.asked.set()
        if self.away:
            raise Unreachable("it is away")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.store.outage.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("waypost.app.supervisor.FIRST_PAUSE_SECONDS", 0.001)


async def test_losing_the_database_is_logged_once_and_so_is_its_return() -> None:
    database, stop, again = Database(), asyncio.Event(), asyncio.Event()
    outage = Outage(database.answer)
    failed = 0

    async def fail(_: asyncio.Event) -> None:
        nonlocal failed
        failed += 1
        if failed == 5:
            again.set()
        if failed > 5:
            stop.set()
            return
        raise Unreachable("it is away")

    with capture_logs() as lines:
        parts = [asyncio.create_task(keep_running(Part(name, fail), stop, outage)) for name in ("keeper", "poller")]
        async with asyncio.timeout(10):
            await again.wait()
            await database.asked.wait()
            database.away = False
            await asyncio.gather(*parts)
            # The only other task watches the outage, and ends with it.
            await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    assert [line["event"] for line in lines] == ["database_unavailable", "database_available"]


async def test_a_part_with_unfinished_work_is_run_after_the_stop_until_that_is_done() -> None:
    stop, left = asyncio.Event(), ["first", "second"]

    async def lose_and_stop(_: asyncio.Event) -> None:
        if stop.is_set():
            left.pop()
        stop.set()
        if left:
            raise Unreachable("it is away")

    async def answer() -> None:
        """Respond at once."""

    outage = Outage(answer)
    with capture_logs():
        async with asyncio.timeout(10):
            await keep_running(Part("dispatcher", lose_and_stop, lambda: bool(left)), stop, outage)
            await outage.end()

    assert left == []


async def test_a_server_that_stops_during_an_outage_no_longer_connects() -> None:
    asked = asyncio.Event()

    async def deaf() -> None:
        """Raise the loss instead of the cancellation, as a transaction does whose connection was lost."""
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unreachable("it is away") from None

    outage = Outage(deaf)
    with capture_logs():
        outage.found(Unreachable("it is away"))
        async with asyncio.timeout(10):
            await asked.wait()
            await outage.end()

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_stopping_a_dispatch_process_during_its_start_is_not_a_failure(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    process = DispatchProcess(Settings.model_construct(data_dir=tmp_path, database_url=None), PLACE)

    with capture_logs() as lines:
        await process.serve(stop)

    assert lines == []
