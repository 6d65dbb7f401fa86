"""However many parcels and deliveries an account has, each filter and search of a list reads a bounded number of them.

PostgreSQL counts what it reads; nothing is timed. The suite has 30,000 rows, `make faults` a million.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec
import pytest

from tests.support.databases import add_account, add_endpoint
from waypost.actions.history import EXAMINED
from waypost.domain import ids
from waypost.domain.history import HistoryFilter
from waypost.domain.statuses import Status
from waypost.store import history, trackings
from waypost.store.database import Database
from waypost.store.statements import Session
from waypost.store.trackings import MOST_SEARCHED, Filter

PAGE = 51
MOST_ROWS = 8 * MOST_SEARCHED
"""A search looks at the beginnings and ends of numbers, of order numbers and of names, and sorts what it found."""

MOST_BLOCKS = 6 * MOST_ROWS
NOW = datetime.now(UTC)
FILL = (
    """
create function made(kind text, n integer) returns uuid immutable language sql return
    (lpad(to_hex({now} - n % 1000), 12, '0') || '70' || lpad(to_hex(n % 256), 2, '0') || kind
     || lpad(to_hex(n), 15, '0'))::uuid
""",
    """
insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state, created_at,
                      updated_at, archived, order_number, customer_name)
select n % 256, made('8', n), '{account}', 'N' || n::bigint * 7919 % 10000019, (array['dhl', 'ups', 'gls'])[n % 3 + 1],
       (array['transit', 'delivered', 'delivered', 'exception'])[n % 4 + 1], 'x', '', now(), now() - n * interval '1 s',
       n % 5 = 0, '#O' || n, (array['anna', 'berta', 'carl'])[n % 3 + 1] || ' name' || n % 1000
from generate_series(1, {count}) n
""",
    """
insert into event (bucket, day, id, account, tracking, tracking_number, courier_code, sequence, status, substatus,
                   previous_status, source, deliveries, state)
select n % 256, (uuid_extract_timestamp(made('9', n)) at time zone 'utc')::date, made('9', n), '{account}',
       made('8', n), 'N' || n, 'dhl', 1, (array['transit', 'delivered', 'delivered', 'exception'])[n % 4 + 1], 'x',
       'pending', 'api', 1, ''
from generate_series(1, {count}) n
""",
    """
insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, tries, settled_at)
select n % 256, (uuid_extract_timestamp(made('a', n)) at time zone 'utc')::date, made('a', n), '{endpoint}',
       made('8', n), made('9', n), 1, case when n % 50 = 1 then 'failed' else 'delivered' end, 1, now()
from generate_series(1, {count}) n where n % 10 > 0
""",
    """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, tries)
select n % 256, made('a', n), '{endpoint}', made('8', n), made('9', n), 1, 'ordered', n % 20 / 10
from generate_series(10, {count}, 10) n
""",
    """
insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome, status_code, url,
                     signed_at, signature, webhook_signature, user_agent, body_sha256, body_length)
select n % 256, (uuid_extract_timestamp(made('a', n)) at time zone 'utc')::date, made('a', n), 1, now(), 5, 'V4',
       case when n % 50 in (1, 10) then 'http_5xx' else 'succeeded' end, 200, '', 1, '', '', '', '', 1
from generate_series(1, {count}) n
""",
    "vacuum analyze tracking, event, settled, due, attempt",
)
PARCELS = {
    "all": Filter(),
    "further back": Filter(before=ids.first_at(NOW - timedelta(milliseconds=500))),
    "of one status": Filter(statuses=(Status.EXCEPTION,), archived=False),
    "of a status that is not there": Filter(statuses=(Status.PICKUP,)),
    "of a courier": Filter(courier="gls", archived=True),
    "of a courier that is not there": Filter(courier="usps"),
    "lately changed": Filter(updated_after=NOW - timedelta(days=2)),
    "beginning of a number": Filter(search="N"),
    "beginning and a rare status": Filter(search="N1", statuses=(Status.PICKUP,)),
    "end of a number": Filter(search="7"),
    "an order": Filter(search="#O"),
    "a first name": Filter(search="anna"),
    "a last name": Filter(search="name99", courier="gls"),
    "a letter": Filter(search="c", archived=None),
    "nothing": Filter(search="nothing like this"),
    "numbers": Filter(numbers=tuple(f"N{n}" for n in range(40))),
}
DELIVERIES = {
    "all": HistoryFilter(),
    "further back": HistoryFilter(before=ids.first_at(NOW - timedelta(milliseconds=500))),
    "succeeded": HistoryFilter(state="delivered"),
    "failed": HistoryFilter(state="failed"),
    "cancelled, of which there are none": HistoryFilter(state="cancelled"),
    "retrying": HistoryFilter(state="retrying"),
    "waiting": HistoryFilter(state="waiting"),
    "of a status": HistoryFilter(status="exception"),
    "of a status that is not there": HistoryFilter(status="pickup"),
    "with an error": HistoryFilter(answered="http_5xx"),
    "with an error that is not there": HistoryFilter(answered="timed_out"),
    "with no attempt": HistoryFilter(answered="none"),
    "with success": HistoryFilter(answered="succeeded"),
    "tests only": HistoryFilter(tests=True),
    "without tests": HistoryFilter(tests=False),
}


class Read(NamedTuple):
    """What a session has read: rows, from tables or indexes, and blocks."""

    rows: int
    blocks: int

    @classmethod
    async def so_far(cls, session: Session) -> "Read":
        await session.execute("select pg_stat_force_next_flush()")
        await session.execute("select pg_stat_clear_snapshot()")
        rows = await session.fetchval(
            "select (select sum(seq_tup_read) from pg_stat_user_tables)"
            " + (select sum(idx_tup_read) from pg_stat_user_indexes)"
        )
        blocks = await session.fetchval(
            "select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))"
            " from pg_statio_user_tables"
        )
        return cls(int(rows), int(blocks))


async def fill(database: Database, count: int) -> tuple[UUID, UUID]:
    """Write this many parcels, each with an event and a delivery, one in ten of which waits."""
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)
    values = {"now": int(NOW.timestamp() * 1000), "account": account, "endpoint": endpoint, "count": count}
    async with database.serving.acquire() as session:
        await session.execute("set statement_timeout = 0; set transaction_timeout = 0")
        for statement in FILL:
            await session.execute(statement.format(**values), timeout=1_200)
    return account, endpoint


async def read_lists(session: Session, account: UUID, endpoint: UUID) -> dict[str, Read]:
    """Read the first page of each list, and return what was read for it."""
    lists: dict[str, Callable[[], Awaitable[object]]] = {}
    for name, parcels in PARCELS.items():
        lists[f"parcels: {name}"] = partial(trackings.page, session, account, parcels, limit=PAGE)
    for name, wanted in DELIVERIES.items():
        for of in (None, endpoint):
            one = msgspec.structs.replace(wanted, endpoint=of)
            examine = partial(history.examine, session, account, one, limit=PAGE, examined=EXAMINED)
            lists[f"deliveries: {name}, of {of}"] = examine
    for text in ("N", "7", "#O", "N1", "nothing"):
        lists[f"deliveries: search {text}"] = partial(_search, session, account, text)
    read = {}
    for name, look in lists.items():
        before = await Read.so_far(session)
        await look()
        after = await Read.so_far(session)
        read[name] = Read(after.rows - before.rows, after.blocks - before.blocks)
    return read


async def _search(session: Session, account: UUID, text: str) -> None:
    found, _ = await history.trackings_matching(session, account, text)
    wanted = HistoryFilter(trackings=tuple(found), state="failed")
    await history.examine(session, account, wanted, limit=PAGE, examined=EXAMINED)


async def assert_bounded(database: Database, count: int) -> None:
    account, endpoint = await fill(database, count)
    async with database.serving.acquire() as session:
        read = await read_lists(session, account, endpoint)

    assert {name: one for name, one in read.items() if one.rows > MOST_ROWS or one.blocks > MOST_BLOCKS} == {}
    assert read["parcels: a first name"].rows > PAGE  # it counts


async def test_lists_and_searches_read_a_bounded_number_of_rows(database: Database) -> None:
    await assert_bounded(database, 30_000)


@pytest.mark.faults
async def test_lists_and_searches_read_as_few_of_a_million(database: Database) -> None:
    await assert_bounded(database, 1_000_000)
