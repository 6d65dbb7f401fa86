"""Whatever blocks the event loop is counted and named."""

import asyncio
import time
from types import FunctionType

from structlog.testing import capture_logs

from waypost.app.watchdog import STALL_SECONDS, Stalls, loop_watched


def hold(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


hold_of_ours = FunctionType(hold.__code__, {"time": time, "__name__": "waypost.imaginary"})


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
