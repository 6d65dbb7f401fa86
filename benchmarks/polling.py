"""How many parcels Waypost polls per second, and the memory that many watched parcels take.

Ten carriers' stand-ins answer on loopback, each after 200 ms, with budgets that hold nobody up.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks import machine
from benchmarks.client import Client
from benchmarks.keeping import keep
from benchmarks.whole import Run, running
from tests.support.run import watched
from tests.support.serving import LOOPBACK, Serving
from waypost.sources.carriers import find
from waypost.sources.couriers.table import missing_fact

CARRIERS = ("dhl", "ups", "usps", "fedex", "gls", "laposte", "royal-mail", "australia-post", "canada-post", "postnl")
GRANTED = {"daily_calls": "1000000000", "calls_per_second": "10000"}
BATCH = 40
_JOURNEY_SECONDS = 86_400
"""Long enough that no parcel moves meanwhile: every poll after the first brings no news."""
_POLL_SPEED = 14_400
"""A parcel in transit is polled each second, so that there is always one due."""


def main() -> None:
    options = _options()
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with watched(Path(folder)):
            found |= uvloop.run(_measure(options, Path(folder)))
    print(json.dumps(found, indent=1))
    if options.keep:
        keep(found, suffix="-polling")


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with _stand_ins(options.latency) as (url, settings):
        speed = {"WAYPOST_POLL_SPEED": str(_POLL_SPEED)}
        server = Serving(folder / "serve", LOOPBACK | speed | settings)
        async with Client(url) as carriers, running(server, carriers) as run:
            for name in CARRIERS:
                await _connect(run, name)
            own, _ = machine.parts_of(server.process.pid)
            before = machine.memory_mib(own[:1])
            registered = await _register(run, options.parcels, options.at_once)
            watched_parcels = await run.database.fetchval("select count(*) from watch")
            rates = await _rates(run, carriers, options.seconds)
            memory = {
                "parcels": watched_parcels,
                "registered_per_second": options.parcels / registered,
                "main_process_mib_before": before,
                "main_process_mib_after": machine.memory_mib(own[:1]),
                "main_process_mib_at_most": machine.peak_memory_mib(own[:1]),
            }
    return {"latency_seconds": options.latency, "carriers": len(CARRIERS), "polling": rates, "memory": memory}


async def _connect(run: Run, name: str) -> None:
    carrier = find(name)
    assert carrier is not None  # noqa: S101 - it is one of ours
    credentials = {field.name: "any" for field in carrier.fields}
    await run.api.post("/v1/connections", {"source": name, "credentials": credentials, "settings": GRANTED})


async def _register(run: Run, parcels: int, at_once: int) -> float:
    """Register parcels of all carriers in turn, and return the seconds."""
    couriers = [_courier(name) for name in CARRIERS]
    named = [
        {"tracking_number": f"{place:013}", "courier_code": couriers[place % len(couriers)]} for place in range(parcels)
    ]
    waiting = iter([msgspec.json.encode(named[start : start + BATCH]) for start in range(0, parcels, BATCH)])

    async def work() -> None:
        for body in waiting:
            await run.api.post_bytes("/v4/trackings/batch", body)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return time.perf_counter() - began


def _courier(name: str) -> str:
    """Return a courier code of a carrier for which a number is enough."""
    carrier = find(name)
    assert carrier is not None  # noqa: S101 - it is one of ours
    return next(code for code in sorted(carrier.courier_codes) if missing_fact(code, ()) is None)


async def _rates(run: Run, carriers: Client, seconds: float) -> dict[str, Any]:
    usage, before, began = await run.usage(), await carriers.get("/_journal"), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = await carriers.get("/_journal"), time.perf_counter() - began
    used = {name: value - usage[name] for name, value in (await run.usage()).items()}

    def gained(what: str) -> dict[str, int]:
        return {name: after[name][what] - before[name][what] for name in CARRIERS}

    asked, calls = gained("parcels"), gained("questions")
    polled = sum(asked.values())
    return {
        "seconds": took,
        "parcels_per_second": polled / took,
        "calls_per_second": sum(calls.values()) / took,
        "parcels_per_second_of_each": {name: round(count / took, 1) for name, count in asked.items()},
        "refused_or_limited": sum(sum(gained(what).values()) for what in ("refused", "limited")),
        "sql_statements_per_parcel": used["statements"] / max(1, polled),
        "processor_microseconds_per_parcel_waypost": used["waypost"] / max(1, polled) * 1e6,
        "processor_microseconds_per_parcel_postgresql": used["postgresql"] / max(1, polled) * 1e6,
    }


@contextmanager
def _stand_ins(latency: float) -> Iterator[tuple[str, dict[str, str]]]:
    only = [part for name in CARRIERS for part in ("--only", name)]
    how = ("--any-number", "--latency", str(latency), "--seconds", str(_JOURNEY_SECONDS))
    command = [sys.executable, "-m", "examples.carriers", *how, *only]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            told = json.loads(process.stdout.readline())
            yield told["url"], told["settings"]
        finally:
            process.terminate()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.polling", description=__doc__)
    parser.add_argument("--parcels", type=int, default=100_000, help="that are watched (%(default)s)")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds until a carrier answers (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="for which the polls are counted (%(default)s)")
    parser.add_argument("--at-once", type=int, default=16, help="requests at once while registering (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the database is made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="write no file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
