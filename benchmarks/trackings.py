"""Creating parcels over API v4, singly and in batches, and listing them in an account with a million."""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import uvloop

from benchmarks import machine, overview
from benchmarks.client import Client
from benchmarks.keeping import keep
from benchmarks.load import COURIER, number
from benchmarks.whole import Run, running
from tests.support.many_parcels import DAYS, add_parcels, old_account
from tests.support.people import make_account
from tests.support.serving import LOOPBACK, Serving
from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.store.database import Access, Database
from waypost.store.embedded.server import locate
from waypost.store.numbered_pages import numbered_page
from waypost.store.statements import Session
from waypost.store.trackings import Filter

BATCH = 40
EMAIL = "many@example.com"
ASKED = 21
"""How often each list is read; the median counts."""


def main() -> None:
    options = _options()
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine.describe()}
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-") as folder:
        Path(folder).chmod(0o755)
        found |= uvloop.run(_measure(options, Path(folder)))
    print(json.dumps(found, indent=1))
    if options.keep:
        keep(found, suffix="-trackings")


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    server = Serving(folder / "serve", LOOPBACK | {"WAYPOST_RATE_LIMIT": "off"})
    async with Client("http://127.0.0.1:9") as nobody, running(server, nobody) as run:
        found: dict[str, Any] = {
            "created_one_by_one": await _create(run, options.single, 1, options.at_once),
            "created_in_batches": await _create(run, options.batches * BATCH, BATCH, options.at_once),
        }
        address = await locate(server.data_dir)
        assert address is not None  # noqa: S101 - it is ready
        database = await Database.open(Access(address.dsn))
        try:
            now = datetime.now(UTC)
            key = make_account(server.data_dir, EMAIL, made_at=ids.made_at(old_account(now)))
            found |= await _lists(database, options.parcels, now)
        finally:
            await database.close()
        found["overview"] = await overview.measure(
            server.url, server.data_dir, EMAIL, key, per_second=options.rate, seconds=options.seconds
        )
    return found


async def _create(run: Run, count: int, each: int, at_once: int) -> dict[str, float]:
    """Create parcels in requests of this size. Return the parcels per second, and the cost of each."""
    first = 30_000_000 * each
    parcels = [{"tracking_number": number(first + place), "courier_code": COURIER} for place in range(count)]
    path = "/v4/trackings/create" if each == 1 else "/v4/trackings/batch"
    groups = [parcels[start] if each == 1 else parcels[start : start + each] for start in range(0, count, each)]
    waiting = iter([msgspec.json.encode(group) for group in groups])

    async def work() -> None:
        for body in waiting:
            await run.api.post_bytes(path, body)

    before, client = await run.usage(), time.process_time()
    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    seconds, client = time.perf_counter() - began, time.process_time() - client
    used = {name: value - before[name] for name, value in (await run.usage()).items()}
    return {
        "parcels": count,
        "per_second": count / seconds,
        "sql_statements_per_parcel": used["statements"] / count,
        "wal_bytes_per_parcel": used["wal"] / count,
        "processor_microseconds_per_parcel_waypost": used["waypost"] / count * 1e6,
        "processor_microseconds_per_parcel_postgresql": used["postgresql"] / count * 1e6,
        "processor_microseconds_per_parcel_client": client / count * 1e6,
    }


async def _lists(database: Database, parcels: int, now: datetime) -> dict[str, object]:
    async with database.serving.acquire() as session:
        account = await session.fetchval("select id from account where email = $1", EMAIL)
        began = time.perf_counter()
        await add_parcels(session, account, parcels, now)
        seeded = time.perf_counter() - began
        listed = {}
        for name, (wanted, skipped) in _wanted(parcels, now).items():
            listed[name] = await _milliseconds(session, account, wanted, skipped)
    return {"parcels": parcels, "seeded_in_seconds": seeded, "list_median_ms": listed}


async def _milliseconds(session: Session, account: UUID, wanted: Filter, skipped: int) -> float:
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await numbered_page(session, account, wanted, limit=100, skipped=skipped)
        taken.append(time.perf_counter() - began)
    return round(1000 * statistics.median(taken), 2)


def _wanted(parcels: int, now: datetime) -> dict[str, tuple[Filter, int]]:
    def since(**ago: float) -> datetime:
        return now - timedelta(**ago)

    middle = ids.make_id(round(since(days=DAYS / 2).timestamp() * 1000), 0, 0)
    return {
        "newest": (Filter(), 0),
        "after a cursor": (Filter(before=middle), 0),
        "of 40 numbers": (Filter(numbers=tuple(number(place * 7) for place in range(40))), 0),
        "of one status": (Filter(statuses=(Status.DELIVERED,)), 0),
        "of two rare statuses": (Filter(statuses=(Status.EXCEPTION, Status.PICKUP)), 0),
        "of a status that is not there": (Filter(statuses=(Status.EXPIRED,)), 0),
        "not archived": (Filter(archived=False), 0),
        "archived, of a rare status": (Filter(archived=True, statuses=(Status.PICKUP,)), 0),
        "of a courier": (Filter(courier="ups"), 0),
        "of a rare courier and status": (Filter(courier="gls", statuses=(Status.EXCEPTION,)), 0),
        "of a courier that is not there": (Filter(courier="yodel"), 0),
        "registered on one day": (Filter(after=middle, before=_day_after(middle)), 0),
        "changed in the last minute": (Filter(updated_after=since(minutes=1)), 0),
        "changed in a week, of a rare status": (Filter(updated_after=since(days=7), statuses=(Status.EXCEPTION,)), 0),
        "changed ever, of a rare courier": (Filter(updated_after=since(days=900), courier="gls"), 0),
        "changed ever, of a courier that is not there": (Filter(updated_after=since(days=900), courier="yodel"), 0),
        "whose number begins so": (Filter(search="BENCH0000"), 0),
        "whose order number begins so": (Filter(search="ORD-1234"), 0),
        "the 100th page": (Filter(), 9_900),
        "the 100th page of one status": (Filter(statuses=(Status.DELIVERED,)), 9_900),
        "the 100th page of changes": (Filter(updated_after=since(days=900)), 9_900),
        "the page in the middle": (Filter(), parcels // 2),
        "the page in the middle of one status": (Filter(statuses=(Status.DELIVERED,)), parcels * 4 // 10),
        "the last page": (Filter(), parcels - 100),
        "the last page of changes": (Filter(updated_after=since(days=900)), parcels - 100),
        "the last page of one status": (Filter(statuses=(Status.DELIVERED,)), parcels * 8 // 10 - 100),
    }


def _day_after(identifier: UUID) -> UUID:
    return ids.make_id(ids.made_at(identifier) + 86_400_000, 0, 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.trackings", description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000, help="of the account that is listed (%(default)s)")
    parser.add_argument("--single", type=int, default=10_000, help="created one by one (%(default)s)")
    parser.add_argument("--batches", type=int, default=1_500, help=f"of {BATCH} created (%(default)s)")
    parser.add_argument("--at-once", type=int, default=64, help="requests at once (%(default)s)")
    parser.add_argument("--rate", type=int, default=500, help="updates a second beside the first page (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="for which that is measured (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the database is made (%(default)s)")  # noqa: S108 - a disk, where /tmp may be memory
    parser.add_argument("--no-keep", dest="keep", action="store_false", help="write no file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
