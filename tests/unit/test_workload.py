"""Where dispatching runs: one process while little is sent, processes of its own when there is work."""

import asyncio
from collections.abc import Iterator

import pytest

from waypost.app.dispatch_moves import Moves, Place
from waypost.app.supervisor import Part
from waypost.app.workload import BUSY_LOOP, MOST_IN_HAND, QUIET_SECONDS, SendingLoad, Workload
from waypost.dispatch.measures import Measures
from waypost.store.outage import Outage

QUIET = SendingLoad(2.0)
HEAVY = SendingLoad(2.0, in_hand=MOST_IN_HAND)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.app.dispatch_moves.AGAIN_SECONDS", 0.001)


@pytest.mark.parametrize(
    "load",
    [
        SendingLoad(2.0, loop=BUSY_LOOP),
        SendingLoad(2.0, stalls=1),
        SendingLoad(2.0, suspects=1),
    ],
    ids=["busy loop", "blocked loop", "suspect"],
)
def test_work_moves_out_at_once(load: SendingLoad) -> None:
    assert Workload(at_rest=True).should_move(load)


def test_a_backlog_moves_out_unless_it_has_gone_at_the_next_look() -> None:
    passing, lasting = Workload(at_rest=True), Workload(at_rest=True)

    assert [passing.should_move(load) for load in (HEAVY, QUIET, HEAVY, QUIET)] == [False] * 4
    assert [lasting.should_move(load) for load in (HEAVY, HEAVY)] == [False, True]


def test_more_than_can_be_in_hand_moves_out_though_little_is_in_hand() -> None:
    behind, workload = SendingLoad(2.0, in_hand=8, is_behind=True), Workload(at_rest=True)

    assert [workload.should_move(load) for load in (behind, behind)] == [False, True]


def test_a_few_deliveries_stay_where_they_are() -> None:
    assert not Workload(at_rest=True).should_move(SendingLoad(2.0, loop=0.2, in_hand=5, attempts=40))


def quiet_looks(workload: Workload) -> int:
    """Return how many quiet looks it takes to move back."""
    return next(number for number in range(1, 1000) if workload.should_move(QUIET))


def test_dispatching_moves_back_only_after_a_long_quiet_time() -> None:
    workload = Workload(at_rest=False)

    assert quiet_looks(workload) * QUIET.seconds == QUIET_SECONDS


@pytest.mark.parametrize(
    "load", [HEAVY, SendingLoad(2.0, attempts=100), SendingLoad(2.0, loop=0.3), SendingLoad(2.0, suspects=1)]
)
def test_work_in_between_starts_the_quiet_time_again(load: SendingLoad) -> None:
    workload = Workload(at_rest=False)
    for _ in range(int(QUIET_SECONDS / QUIET.seconds) - 1):
        assert not workload.should_move(QUIET)

    assert not workload.should_move(load)
    assert quiet_looks(workload) * QUIET.seconds == QUIET_SECONDS


class Crew:
    """Dispatchers at one place; ``comes`` is False if they never get to work."""

    def __init__(self, name: str, log: list[str], *, comes: bool = True) -> None:
        self.name = name
        self.log = log
        self.comes = comes
        self.running = False

    async def serve(self, stop: asyncio.Event) -> None:
        self.running = self.comes
        self.log.append(f"{self.name} works" if self.comes else f"{self.name} fails")
        await stop.wait()
        self.running = False
        self.log.append(f"{self.name} ends")

    async def measures(self) -> Measures:
        return Measures(running=self.running, in_flight=0)


async def answers() -> None:
    """Answer as a database that is up."""


def moves(inside: Crew, outside: Crew, loads: Iterator[SendingLoad], *, crashed: bool = False) -> Moves:
    async def measured(_seconds: float) -> SendingLoad:
        made.press()  # no look waits
        return next(loads)

    async def died() -> bool:
        return crashed

    outage = Outage(answers)
    places = (Place(crew.name, [Part(crew.name, crew.serve)], crew.measures, outage) for crew in (inside, outside))
    made = Moves(*places, loads=measured, crashed=died)
    made.press()
    return made


async def test_the_new_place_works_before_the_old_one_ends() -> None:
    log: list[str] = []
    stop = asyncio.Event()

    def loads() -> Iterator[SendingLoad]:
        yield QUIET
        yield HEAVY
        yield HEAVY
        for _ in range(int(QUIET_SECONDS / QUIET.seconds)):
            yield QUIET
        stop.set()
        yield QUIET

    await moves(Crew("inside", log), Crew("outside", log), loads()).serve(stop)

    assert log == ["inside works", "outside works", "inside ends", "inside works", "outside ends", "inside ends"]


async def test_dispatching_stays_if_the_other_place_does_not_come_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.app.dispatch_moves.JOINS_IN_SECONDS", 0.01)
    log: list[str] = []
    stop = asyncio.Event()

    def loads() -> Iterator[SendingLoad]:
        yield HEAVY
        yield HEAVY
        log.append("another look")
        stop.set()
        yield QUIET

    await moves(Crew("inside", log), Crew("outside", log, comes=False), loads()).serve(stop)

    assert log.index("inside ends") > log.index("another look") > log.index("outside fails")


async def test_after_a_crash_dispatching_starts_in_processes_of_its_own() -> None:
    log: list[str] = []
    stop = asyncio.Event()

    def loads() -> Iterator[SendingLoad]:
        stop.set()
        yield QUIET

    await moves(Crew("inside", log), Crew("outside", log), loads(), crashed=True).serve(stop)

    assert log == ["outside works", "outside ends"]
