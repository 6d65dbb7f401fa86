"""A backup of an installation with many parcels, made and checked beside a steady rate of deliveries.

``python -m benchmarks.backups`` prints the duration, the size, and how long webhooks took before, during and after.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine
from benchmarks.client import Client
from benchmarks.keeping import keep
from benchmarks.load import SCANS, request_body
from benchmarks.whole import Run, receiver_process, running
from tests.support.many_parcels import add_parcels, old_account
from tests.support.people import make_account
from tests.support.serving import LOOPBACK, Serving
from waypost.domain import ids

EMAIL = "many@example.com"
ENDPOINTS = 4
BACKUPS = {"unchecked": ("--no-check",), "checked": ()}
"""The backups that are made one after the other, with their options."""

PERCENTILES = (50, 95, 99)
_MOVED = {"WAYPOST_DISPATCH_INSIDE": "off"}
"""At this rate dispatching leaves the main process some time or other, and the move would be measured with a backup."""

_FIRST_PARCEL = 50_000_000
_PARCELS = 4_000


class Load:
    """Reports single updates evenly; each makes a delivery for every endpoint."""

    def __init__(self, run: Run, per_second: float) -> None:
        self._run, self._per_second = run, per_second
        self._bodies = self._all_bodies()
        self.due: dict[str, float] = {}
        """When each event's update was due, in seconds of the monotonic clock."""

    async def go_on(self, until: asyncio.Event) -> None:
        """Report until the event is set."""
        began, place = time.monotonic(), 0
        async with asyncio.TaskGroup() as requests:
            while not until.is_set():
                at = began + place / self._per_second
                if (wait := at - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                requests.create_task(self._report(next(self._bodies), at))
                place += 1

    async def _report(self, body: bytes, at: float) -> None:
        event = (await self._run.api.post_bytes("/v1/updates", body))["results"][0]["event_id"]
        if event is not None:
            self.due[event] = at

    def _all_bodies(self) -> Iterator[bytes]:
        first = _FIRST_PARCEL
        while True:
            for scans in range(1, SCANS + 1):
                for parcel in range(first, first + _PARCELS):
                    yield request_body(range(parcel, parcel + 1), scans)
            first += _PARCELS


async def measure(folder: Path, *, parcels: int, per_second: int, seconds: float) -> dict[str, Any]:
    """Measure in a new installation below a folder. Raise an error if the backup fails or a delivery is missing."""
    with receiver_process() as (_, port):
        async with (
            Client(f"http://127.0.0.1:{port}") as receiver,
            running(Serving(folder / "serve", LOOPBACK | _MOVED), receiver) as run,
        ):
            await _fill(run, parcels)
            await run.add_endpoints(ENDPOINTS, f"http://127.0.0.1:{port}/hook")
            async with _loaded(run, per_second) as load:
                await asyncio.sleep(seconds)  # warm-up, not counted
                marks = [time.monotonic()]
                await asyncio.sleep(seconds)
                marks.append(time.monotonic())
                for name, options in BACKUPS.items():
                    made = await _back_up(run.server.data_dir, folder / name, options)
                    marks.append(time.monotonic())
                await asyncio.sleep(seconds)
                marks.append(time.monotonic())
            await run.until_received(len(load.due) * ENDPOINTS)
            seen = await receiver.get("/seen")
    waits = [(load.due[event], at - load.due[event]) for event, at in seen if event in load.due]
    windows = list(zip(("before", *BACKUPS, "after"), marks[:-1], marks[1:], strict=True))
    return {
        "parcels": parcels,
        "deliveries_per_second": per_second * ENDPOINTS,
        "backup_megabytes": round(sum(file["size"] for file in made["files"].values()) / 1e6, 1),
        "database_megabytes": round(made["database_size"] / 1e6, 1),
        "rows": made["rows"],
        "deliveries": len(seen),
        "missing": len(load.due) * ENDPOINTS - len(seen),
        "webhooks": {
            name: {"seconds": round(end - begin, 1), **_spread([wait for due, wait in waits if begin <= due < end])}
            for name, begin, end in windows
        },
    }


async def _fill(run: Run, parcels: int) -> None:
    now = datetime.now(UTC)
    make_account(run.server.data_dir, EMAIL, made_at=ids.made_at(old_account(now)))
    account = await run.database.fetchval("select id from account where email = $1", EMAIL)
    await add_parcels(run.database, account, parcels, now)
    await run.database.execute("checkpoint", timeout=600)  # otherwise its writes would delay what is measured


@asynccontextmanager
async def _loaded(run: Run, per_second: float) -> AsyncIterator[Load]:
    load, enough = Load(run, per_second), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.go_on(enough))
        yield load
        enough.set()


async def _back_up(data_dir: Path, folder: Path, options: tuple[str, ...]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "waypost", "backup", str(folder), "--data-dir", str(data_dir), "--json", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    if process.returncode:
        message = f"the backup ended with status {process.returncode}"
        raise RuntimeError(message)
    found: dict[str, Any] = json.loads(said)
    return found


def _spread(waits: list[float]) -> dict[str, float]:
    waits.sort()
    at = {f"p{percent}_ms": waits[min(len(waits) - 1, len(waits) * percent // 100)] for percent in PERCENTILES}
    return {name: round(1000 * value, 1) for name, value in at.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.backups", description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000, help="of another account (%(default)s)")
    parser.add_argument("--rate", type=int, default=125, help="updates a second, for four endpoints (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="before and after the backup (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the database is made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="write no file")
    options = parser.parse_args()
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        work = measure(Path(folder), parcels=options.parcels, per_second=options.rate, seconds=options.seconds)
        found |= uvloop.run(work)
    print(json.dumps(found, indent=1))
    if options.keep:
        keep(found, suffix="-backups")


if __name__ == "__main__":
    main()
