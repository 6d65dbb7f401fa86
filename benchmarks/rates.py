"""What one update costs at steady rates: processor, round trips, time to the 200 and to the webhook; start and rest.

Single updates are sent evenly; each makes one delivery to the account's one endpoint. Times count from when an update
was due, so a generator that lags does not hide waits. The generator has a limit of requests that wait: a rate that the
machine can't hold is measured at what it does hold, and reported as not held.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.client import Client
from benchmarks.load import SCANS, request_body
from benchmarks.whole import Run, running
from tests.support.serving import LOOPBACK, Serving
from waypost.domain import ids

PERCENTILES: Final = (50, 95, 99)
WARM_UP_SECONDS: Final = 4
"""Not counted: connections and plans are made, and dispatching may move to processes of its own."""
MOST_WAITING: Final = 256
"""How many requests may wait for their answers; beyond, the rate is not held."""
HELD_SHARE: Final = 0.98
RESTED_SECONDS: Final = 45.0
"""Longer than it takes until parts look for work rarely (``waypost/rest.py``), and autovacuum, too."""
IDLE_SECONDS: Final = 30.0
LATE_SECONDS: Final = 30.0


class _Sent:
    """When each update was due, by its event, and how long it took until its 200."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}
        self.answered: list[float] = []
        self.seconds = 0.0
        self.count = 0


async def starts(folder: Path) -> dict[str, float]:
    """Start a server twice, on new data and on existing data, and return how long each took."""
    server = Serving(folder, LOOPBACK, from_nothing=True)
    found = {}
    for data in ("new", "existing"):
        began = time.monotonic()
        await asyncio.to_thread(server.start)
        found[f"ready_on_{data}_data_seconds"] = time.monotonic() - began
        await asyncio.to_thread(server.stop)
    return found


async def measure(
    folder: Path, hook: str, receiver: Client, rates: Sequence[int], seconds: float, *, idle: bool
) -> dict[str, Any]:
    """Start a server, let it rest if ``idle`` is wanted, then send at each rate, the lowest first."""
    found: dict[str, Any] = {}
    async with running(Serving(folder, LOOPBACK, from_nothing=True), receiver) as run:
        await run.add_endpoints(1, hook)
        if idle:
            found["idle"] = await _idle(run)
        for rate in rates:
            found[f"at_{rate}"] = await _at(run, rate, seconds, first_parcel=rate * 100_000)
    return found


async def _idle(run: Run) -> dict[str, Any]:
    """Measure a server that nobody uses, without the session that looks at its database."""
    await asyncio.sleep(RESTED_SECONDS)
    pid = run.server.process.pid
    own, postgresql = machine.parts_of(pid)
    asked = await run.statements()
    before, woken, began = machine.processor_by_part(pid), machine.wake_ups(pid), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    used, woke, passed = machine.processor_by_part(pid), machine.wake_ups(pid), time.monotonic() - began
    asked = await run.statements() - asked
    return {
        "memory_mib": machine.memory_mib([*own, *postgresql]),
        **{f"memory_mib_{name}": machine.memory_mib(pids) for name, pids in machine.named_parts(pid).items()},
        "processor_percent_of_a_core": 100 * (sum(used.values()) - sum(before.values())) / passed,
        **{f"processor_percent_{name}": 100 * (used[name] - before.get(name, 0.0)) / passed for name in used},
        **{f"wake_ups_a_minute_{name}": 60 * (woke[name] - woken.get(name, 0)) / passed for name in woke},
        "statements_a_minute": 60 * asked / passed,
    }


async def _at(run: Run, rate: int, seconds: float, *, first_parcel: int) -> dict[str, Any]:
    warm = await _send(run, first_parcel, rate, rate * WARM_UP_SECONDS)
    await _until_received(run, len(warm.due))
    await run.until_recorded()
    await run.receiver.get("/seen")
    pid = run.server.process.pid
    before, asked = machine.processor_by_part(pid), await run.statements()
    sent = await _send(run, first_parcel + rate * WARM_UP_SECONDS, rate, round(rate * seconds))
    received = await _until_received(run, len(sent.due))
    await run.until_recorded()
    used = machine.processor_by_part(pid)
    statements = await run.statements() - asked
    seen = await run.receiver.get("/seen")
    actual, epoch = sent.count / sent.seconds, time.time() - time.monotonic()
    each = {name: 1000 * (used[name] - before.get(name, 0.0)) / sent.count for name in used}
    return {
        "held": actual >= HELD_SHARE * rate and received >= len(sent.due),
        "updates_per_second": actual,
        "deliveries": len(seen),
        "processor_ms": sum(each.values()),
        **{f"processor_ms_{name}": value for name, value in each.items()},
        "round_trips": statements / sent.count,
        **_spread("answered", sent.answered),
        **_spread("arrived", [at - sent.due[event] for event, at in seen if event in sent.due]),
        **_spread("arrived_after_accepted", [at + epoch - _made_at(event) for event, at in seen]),
    }


def _bodies(first_parcel: int, count: int) -> Iterator[bytes]:
    """Yield every parcel's first scan, then every parcel's second, and so on."""
    parcels = -(-count // SCANS)
    for place in range(count):
        scans, parcel = divmod(place, parcels)
        yield request_body(range(first_parcel + parcel, first_parcel + parcel + 1), scans + 1)


async def _send(run: Run, first_parcel: int, per_second: int, count: int) -> _Sent:
    """Report single updates on time, for as long as ``count`` of them should take."""
    sent, room = _Sent(), asyncio.Semaphore(MOST_WAITING)

    async def report(body: bytes, at: float) -> None:
        try:
            answer = await run.api.post_bytes("/v1/updates", body)
        finally:
            room.release()
        sent.answered.append(time.monotonic() - at)
        event = answer["results"][0]["event_id"]
        if event is not None:  # otherwise a later update of its parcel has overtaken it and reported its scans
            sent.due[event] = at

    began = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for place, body in enumerate(_bodies(first_parcel, count)):
            at = began + place / per_second
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            await room.acquire()
            if time.monotonic() - began > count / per_second + 1:  # it lags: the rest would only take longer
                room.release()
                break
            sent.count += 1
            requests.create_task(report(body, at))
    sent.seconds = time.monotonic() - began
    return sent


async def _until_received(run: Run, count: int) -> int:
    """Wait for this many webhooks, but not for long, and return how many have arrived."""
    until = time.monotonic() + LATE_SECONDS
    while (received := int(await run.receiver.get("/count"))) < count and time.monotonic() < until:
        await asyncio.sleep(0.1)
    return received


def _made_at(event: str) -> float:
    identifier = ids.from_text(ids.EVENT, event)
    assert identifier is not None  # noqa: S101 - Waypost sent it
    return ids.made_at(identifier) / 1000


def _spread(name: str, waits: list[float]) -> dict[str, float]:
    waits.sort()
    found = {f"p{percent}": waits[min(len(waits) - 1, len(waits) * percent // 100)] for percent in PERCENTILES}
    return {f"{name}_{key}_ms": 1000 * value for key, value in (found | {"longest": waits[-1]}).items()}
