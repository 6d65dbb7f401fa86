"""Parts are kept running; a database that is away, and a child that is stopped as it starts, make no noise."""

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
    """Answers or does not, as the test says; ``asked`` is set whenever it is asked."""

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


async def test_a_database_that_goes_is_told_once_and_once_when_it_is_back() -> None:
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
            while not any(line["event"] == "database_available" for line in lines):
                database.asked.clear()
                await database.asked.wait()

    assert [line["event"] for line in lines] == ["database_unavailable", "database_available"]


async def test_a_server_that_stops_while_the_database_is_away_asks_for_it_no_more() -> None:
    asked = asyncio.Event()

    async def deaf() -> None:
        """Hear of the loss in place of a cancellation, as a transaction whose connection was lost does."""
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


async def test_a_dispatch_process_that_is_stopped_while_it_starts_has_not_failed(tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    process = DispatchProcess(Settings.model_construct(data_dir=tmp_path, database_url=None), PLACE)

    with capture_logs() as lines:
        await process.serve(stop)

    assert lines == []
