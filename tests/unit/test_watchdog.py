"""Whatever blocks the event loop is counted and named."""

import asyncio
import threading
import time
from types import FunctionType

import pytest
from structlog.testing import capture_logs

from waypost import rest
from waypost.app.watchdog import STALL_SECONDS, Stalls, loop_watched


def hold(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


hold_of_ours = FunctionType(hold.__code__, {"time": time, "__name__": "waypost.imaginary"})


def wait_for_the_machine(seconds: float) -> None:
    threading.Event().wait(seconds)


async def several_beats() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        beaten = loop.create_future()
        loop.call_later(0.02, beaten.set_result, None)
        await beaten


async def test_a_stall_is_counted_and_its_function_is_logged_once() -> None:
    stalls = Stalls()
    with capture_logs() as lines, loop_watched(stalls):
        for _ in range(2):
            await several_beats()
            hold_of_ours(3 * STALL_SECONDS)
        await several_beats()

    stalled = [line for line in lines if line["event"] == "loop_stalled"]
    assert stalls.count >= 2
    assert stalls.longest >= 2 * STALL_SECONDS
    assert [line["log_level"] for line in stalled] == ["warning"]
    assert stalled[0]["ran"][0].startswith("waypost.imaginary.hold:")


async def test_time_in_which_the_machine_ran_something_else_does_not_count_as_work() -> None:
    waited, worked = Stalls(), Stalls()
    with capture_logs(), loop_watched(waited):
        await several_beats()
        wait_for_the_machine(3 * STALL_SECONDS)
        await several_beats()
    with capture_logs(), loop_watched(worked):
        await several_beats()
        began = time.thread_time()
        while time.thread_time() - began < 2 * STALL_SECONDS:
            pass
        await several_beats()

    assert waited.longest >= 2 * STALL_SECONDS
    assert waited.busiest < STALL_SECONDS
    assert worked.busiest >= STALL_SECONDS


async def test_at_rest_a_stall_by_whatever_comes_in_is_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 0.0)
    stalls = Stalls()
    with capture_logs() as lines, loop_watched(stalls):
        await several_beats()
        monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 20.0)
        assert stalls.count == 0

        rest.stir()
        hold_of_ours(3 * STALL_SECONDS)
        await several_beats()

    stalled = [line for line in lines if line["event"] == "loop_stalled"]
    assert stalls.count == 1
    assert stalled[0]["ran"][0].startswith("waypost.imaginary.hold:")
