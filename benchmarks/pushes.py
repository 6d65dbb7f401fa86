"""How long services wait for the answers to their pushes beside deliveries, and how many pushes a second are answered.

Each push is stored durably before it is answered, and read afterwards. Waits count from when a push was due, so a
generator that lags does not hide them.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine, whole
from benchmarks.client import Client
from benchmarks.keeping import keep
from benchmarks.load import request_body
from benchmarks.whole import Run
from tests.support.pushing import SECRET, easypost_event, easypost_headers
from tests.support.run import watched
from tests.support.serving import LOOPBACK, Serving

CONNECTIONS = 4
WARM_UP_SECONDS = 3
MOST_WAITING = 256
LOOK_SECONDS = 0.1
PERCENTILES = (50, 95, 99)

Push = tuple[str, bytes, dict[str, str]]


def main() -> None:
    options = _options()
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with watched(Path(folder)):
            found |= uvloop.run(_measure(options, Path(folder)))
    print(json.dumps(found, indent=1))
    if options.keep:
        keep(found, suffix="-pushes")


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    server = Serving(folder / "serve", LOOPBACK, from_nothing=False)
    with whole.receiver_process() as (_, port):
        url = f"http://127.0.0.1:{port}"
        async with Client(url) as receiver, whole.running(server, receiver) as run:
            await run.add_endpoints(1, f"{url}/hook")
            paths = [await _connect(run) for _ in range(CONNECTIONS)]
            beside = await _beside_deliveries(run, paths, options)
            most = await _at_most(run, paths, options)
    return {"beside_deliveries": beside, "at_most": most}


async def _connect(run: Run) -> str:
    body = {"source": "easypost", "credentials": {"secret": SECRET}, "settings": {"register": "yes"}}
    return str((await run.api.post("/v1/connections", body))["inbound_url"])


def _pushes(paths: Sequence[str], first: int, count: int) -> list[Push]:
    """Return pushes of parcels that Waypost does not know yet, over the connections in turn."""
    made = []
    for place in range(first, first + count):
        body = easypost_event(f"PUSH{place:08}", event=f"evt_{place}")
        made.append((paths[place % len(paths)], body, easypost_headers(body)))
    return made


async def _beside_deliveries(run: Run, paths: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Push and report at steady rates: every push and every report makes one delivery."""
    reports_a_second = max(1, options.deliveries - options.pushes)
    found: dict[str, Any] = {}
    first = 0
    for seconds in (WARM_UP_SECONDS, options.seconds):
        pushes = _pushes(paths, first, options.pushes * seconds)
        reports = [
            request_body(range(place, place + 1), 1) for place in range(first, first + reports_a_second * seconds)
        ]
        first += max(len(pushes), len(reports))
        began = await run.usage()
        waits, reported = await asyncio.gather(
            _paced(options.pushes, [_push(run, one) for one in pushes]),
            _paced(reports_a_second, [_report(run, body) for body in reports]),
        )
        await _until_read(run)
        await run.until_recorded()
        used = {name: value - began[name] for name, value in (await run.usage()).items()}
        delivered = len(await run.receiver.get("/seen"))
        found = {
            "pushes_per_second": options.pushes,
            "deliveries_per_second": options.deliveries,
            "seconds": seconds,
            "delivered": delivered,
            "expected": len(pushes) + len(reports),
            **_spread("answered", waits),
            **_spread("reports_answered", reported),
            "processor_seconds_waypost": used["waypost"],
            "processor_seconds_postgresql": used["postgresql"],
        }
    return found


async def _at_most(run: Run, paths: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Push as fast as the answers come, then wait until all is read."""
    pushes = iter(_pushes(paths, 50_000_000, options.at_once * options.seconds * 100))
    waits: list[float] = []
    began = time.perf_counter()

    async def work() -> None:
        for one in pushes:
            at = time.perf_counter()
            if at - began > options.seconds:
                return
            await _push(run, one)()
            waits.append(time.perf_counter() - at)

    await asyncio.gather(*(work() for _ in range(options.at_once)))
    answered = time.perf_counter() - began
    await _until_read(run)
    return {
        "at_once": options.at_once,
        "answered_per_second": len(waits) / answered,
        "read_per_second": len(waits) / (time.perf_counter() - began),
        **_spread("answered", waits),
    }


def _push(run: Run, push: Push) -> Callable[[], Awaitable[object]]:
    path, body, headers = push
    return lambda: run.api.post_signed(path, body, headers)


def _report(run: Run, body: bytes) -> Callable[[], Awaitable[object]]:
    return lambda: run.api.post_bytes("/v1/updates", body)


async def _paced(per_second: int, calls: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """Make calls on time, and return how long each answer took from when its call was due."""
    waits, room, began = list[float](), asyncio.Semaphore(MOST_WAITING), time.perf_counter()

    async def make(call: Callable[[], Awaitable[object]], at: float) -> None:
        try:
            await call()
        finally:
            room.release()
        waits.append(time.perf_counter() - at)

    async with asyncio.TaskGroup() as made:
        for place, call in enumerate(calls):
            at = began + place / per_second
            if (wait := at - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            await room.acquire()
            made.create_task(make(call, at))
    return waits


async def _until_read(run: Run) -> None:
    while await run.database.fetchval("select exists (select from inbound)"):
        await asyncio.sleep(LOOK_SECONDS)


def _spread(name: str, waits: list[float]) -> dict[str, float]:
    waits.sort()
    found = {f"p{percent}": waits[min(len(waits) - 1, len(waits) * percent // 100)] for percent in PERCENTILES}
    return {f"{name}_{key}_ms": 1000 * value for key, value in (found | {"longest": waits[-1]}).items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.pushes", description=__doc__)
    parser.add_argument("--pushes", type=int, default=200, help="a second, beside deliveries (%(default)s)")
    parser.add_argument("--deliveries", type=int, default=500, help="a second, with those of pushes (%(default)s)")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement (%(default)s)")
    parser.add_argument("--at-once", type=int, default=32, help="pushes at once, at the maximum (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the database is made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="write no file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
