"""Parcels created over API v4, one by one and in batches, and lists of them in an account that has a million."""

import argparse
import asyncio
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import uvloop

from benchmarks import machine
from benchmarks.client import Client
from benchmarks.load import COURIER, SCANS, number, state_after
from tests.support.serving import LOOPBACK, Serving
from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.store import trackings
from waypost.store.database import Database
from waypost.store.embedded import locate
from waypost.store.statements import Session
from waypost.store.states import pack
from waypost.store.trackings import Filter

BATCH = 40
ASKED = 21
"""Each list is read so often; the median counts."""
DAYS = 90
SEEDED_AT_ONCE = 20_000
STATUSES = (*[Status.DELIVERED] * 80, *[Status.TRANSIT] * 15, Status.EXCEPTION, Status.PICKUP, *[Status.PENDING] * 3)
COURIERS = (*["dhl"] * 70, *["ups"] * 29, "gls")
COLUMNS = (
    *("bucket", "id", "account", "tracking_number", "courier_code", "status", "substatus", "state", "created_at"),
    *("updated_at", "archived", "order_number"),
)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="waypost-bench-") as folder:
        Path(folder).chmod(0o755)
        found = uvloop.run(_measure(options, Path(folder)))
    print(json.dumps({"machine": machine.describe(), **found}, indent=1))


async def _measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    server = Serving(folder / "serve", LOOPBACK | {"WAYPOST_RATE_LIMIT": "off"})
    server.start()
    try:
        address = await locate(server.data_dir)
        assert address is not None  # noqa: S101 - it is ready
        key = server.account().headers["tracking-api-key"]
        async with Client(server.url, {"tracking-api-key": key}) as api:
            found: dict[str, object] = {
                "created_one_by_one_per_second": await _create(api, options.single, 1, options.at_once),
                "created_in_batches_per_second": await _create(api, options.batches * BATCH, BATCH, options.at_once),
            }
        database = await Database.open({"dsn": address.dsn})
        try:
            return found | await _lists(database, options.parcels)
        finally:
            await database.close()
    finally:
        server.stop()


async def _create(api: Client, count: int, each: int, at_once: int) -> float:
    """Create parcels in requests of so many; give how many a second."""
    first = 30_000_000 * each
    parcels = [{"tracking_number": number(first + place), "courier_code": COURIER} for place in range(count)]
    path = "/v4/trackings/create" if each == 1 else "/v4/trackings/batch"
    groups = [parcels[start] if each == 1 else parcels[start : start + each] for start in range(0, count, each)]
    waiting = iter([msgspec.json.encode(group) for group in groups])

    async def work() -> None:
        for body in waiting:
            await api.post_bytes(path, body)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


async def _lists(database: Database, parcels: int) -> dict[str, object]:
    account = UUID(int=1)
    now = datetime.now(UTC)
    async with database.serving.acquire() as session:
        began = time.perf_counter()
        rows = _rows(account, parcels, now)
        while some := list(itertools.islice(rows, SEEDED_AT_ONCE)):
            await session.copy_records_to_table("tracking", columns=COLUMNS, records=some)
        seeded = time.perf_counter() - began
        await session.execute("vacuum analyze tracking", timeout=600)
        listed = {}
        for name, (wanted, skipped) in _wanted(parcels, now).items():
            listed[name] = await _milliseconds(session, account, wanted, skipped)
    return {"parcels": parcels, "seeded_in_seconds": seeded, "list_median_ms": listed}


async def _milliseconds(session: Session, account: UUID, wanted: Filter, skipped: int) -> float:
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await trackings.page(session, account, wanted, limit=100, skipped=skipped)
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
        "the last page": (Filter(), parcels - 100),
        "the last page of one status": (Filter(statuses=(Status.DELIVERED,)), parcels * 8 // 10 - 100),
    }


def _day_after(identifier: UUID) -> UUID:
    return ids.make_id(ids.made_at(identifier) + 86_400_000, 0, 0)


def _rows(account: UUID, parcels: int, now: datetime) -> Iterator[tuple[object, ...]]:
    """Parcels of three months, most of them delivered and every second of those archived."""
    state, step = pack(state_after(SCANS)), timedelta(days=DAYS) / parcels
    for place in range(parcels):
        at = now - step * (parcels - place)
        text, status = number(place), STATUSES[place * 7 % 100]
        bucket = ids.bucket_of(account, text)
        identifier = ids.make_id(round(at.timestamp() * 1000), bucket, place)
        archived = status is Status.DELIVERED and place % 2 == 0
        changed = min(now, at + timedelta(days=place % 12))
        yield (
            *(bucket, identifier, account, text, COURIERS[place * 13 % 100], status.value, f"{status.value}001", state),
            *(at, changed, archived, f"ORD-{place}"),
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.trackings", description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000, help="of the account that is listed (%(default)s)")
    parser.add_argument("--single", type=int, default=10_000, help="created one by one (%(default)s)")
    parser.add_argument("--batches", type=int, default=1_500, help=f"of {BATCH} created (%(default)s)")
    parser.add_argument("--at-once", type=int, default=64, help="requests at once (%(default)s)")
    parser.add_argument("--folder", default="/var/tmp", help="where the database is made (%(default)s)")  # noqa: S108
    return parser.parse_args()


if __name__ == "__main__":
    main()
