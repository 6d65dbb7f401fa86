"""An account with very many parcels of three months, written directly to the database, and the content of its lists."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from benchmarks.load import SCANS, number, state_after
from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.store.statements import Session
from waypost.store.states import pack
from waypost.store.trackings import BEGINNING, END, Filter

DAYS = 90
AT_ONCE = 20_000
STATUSES = (*[Status.DELIVERED] * 80, *[Status.TRANSIT] * 15, Status.EXCEPTION, Status.PICKUP, *[Status.PENDING] * 3)
COURIERS = (*["dhl"] * 70, *["ups"] * 29, "gls")
COLUMNS = (
    *("bucket", "id", "account", "tracking_number", "courier_code", "status", "substatus", "state", "created_at"),
    *("updated_at", "archived", "order_number"),
)


def old_account(now: datetime) -> UUID:
    """Return the id of an account that is somewhat older than its parcels."""
    return ids.make_id(round((now - timedelta(days=DAYS + 10)).timestamp() * 1000), 0, 1)


async def add_parcels(session: Session, account: UUID, count: int, now: datetime) -> None:
    """Write this number of parcels, most of them delivered and every second of those archived."""
    rows = _rows(account, count, now)
    while some := list(itertools.islice(rows, AT_ONCE)):
        await session.copy_records_to_table("tracking", columns=COLUMNS, records=some)
    await session.execute("vacuum analyze tracking", timeout=600)


def _rows(account: UUID, count: int, now: datetime) -> Iterator[tuple[object, ...]]:
    state, step = pack(state_after(SCANS)), timedelta(days=DAYS) / count
    for place in range(count):
        at = now - step * (count - place)
        text, status = number(place), STATUSES[place * 7 % 100]
        bucket = ids.bucket_of(account, text)
        identifier = ids.make_id(round(at.timestamp() * 1000), bucket, place)
        courier = COURIERS[(place * 13 + place // 100) % 100]
        archived = status is Status.DELIVERED and place % 2 == 0
        days = timedelta(days=place % 12)
        changed = at + days if at + days <= now else at + (now - at) * (place % 11) / 11
        yield (
            *(bucket, identifier, account, text, courier, status.value, f"{status.value}001", state),
            *(at, changed, archived, f"ORD-{place}"),
        )


ORACLE = """
select id from tracking
where account = $1 and id >= $2 and id < $3 and archived = any ($4) and status = any ($5)
  and ($6::text is null or courier_code = $6) and updated_at >= $7 and updated_at < $8
  and ($9::text[] is null or tracking_number = any ($9))
order by {}
"""


async def list_plainly(session: Session, account: UUID, wanted: Filter) -> list[UUID]:
    """Return the ids of a whole list with a plain query that ignores indexes."""
    order = "updated_at desc, id desc" if wanted.by_change else "id desc"
    updated = (wanted.updated_after or BEGINNING, wanted.updated_before or END)
    numbers = None if wanted.numbers is None else list(wanted.numbers)
    chosen = (wanted.after, wanted.before, *wanted.lanes, wanted.courier, *updated, numbers)
    return [row["id"] for row in await session.fetch(ORACLE.format(order), account, *chosen, timeout=120)]
