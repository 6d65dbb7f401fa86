"""Everything that breaks the promise that nothing is dropped is counted; normally the count is 0."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from tests.flow.test_intake import scan
from tests.flow.test_queue import claim, delivered, settle
from tests.support.databases import add_account, add_endpoint
from waypost.domain.trackings import Source, Update
from waypost.intake.batch import write
from waypost.intake.requests import Request
from waypost.keeper import reconciler
from waypost.keeper.reconciler import Reconciler
from waypost.store import reconciliation
from waypost.store.database import Database
from waypost.store.known_trackings import lock_if_known
from waypost.store.reconciliation import Findings

HISTORY = timedelta(days=30)
SETTLED_AND_KEPT = """
insert into settled
select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
       'delivered', null, 1, null, now()
from due where not blocked
"""


@pytest.fixture
async def endpoint(database: Database, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Five parcels of two events each, made ten minutes ago, and the endpoint that they wait for."""
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)

    async def ten_minutes_ago(session, keys, *, most_bytes):
        found = await lock_if_known(session, keys, most_bytes=most_bytes)
        return msgspec.structs.replace(found, now=found.now - 600_000)

    monkeypatch.setattr("waypost.intake.batch.lock_if_known", ten_minutes_ago)
    requests = [
        Request(account, f"A{number}", "dhl", Update(Source.API, (scan(hour),)), create=True)
        for number in range(5)
        for hour in (8, 9)
    ]
    async with database.engine.acquire() as session, session.transaction():
        await write(session, requests, frozenset())
    await database.serving.execute("update endpoint set updated_at = now() - interval '1 hour'")
    return endpoint


async def found(database: Database) -> Findings:
    async with database.engine.acquire() as session:
        return await Reconciler(history=HISTORY).whole_round(session, most_windows=100)


async def test_normally_the_count_is_zero_for_waiting_and_settled_deliveries(
    database: Database, endpoint: UUID
) -> None:
    await settle(database, *map(delivered, await claim(database, endpoint)))

    assert await found(database) == Findings(events=10, waiting=5)


@pytest.mark.parametrize(
    ("breakage", "fault", "count"),
    [
        ("delete from due where blocked and sequence = 2", "missing", 5),
        ("delete from due where not blocked", "headless", 5),
        ("update due set leased_until = now() - interval '6 minutes' where not blocked", "forgotten", 5),
        ("update due set endpoint = gen_random_uuid() where not blocked", "orphaned", 5),
        (SETTLED_AND_KEPT, "doubled", 5),
    ],
)
@pytest.mark.usefixtures("endpoint")
async def test_every_broken_promise_is_counted(database: Database, breakage: str, fault: str, count: int) -> None:
    await database.serving.execute(breakage)

    assert (await found(database)).wrong[fault] == count


async def test_an_endpoint_disabled_a_moment_ago_is_not_counted_yet(database: Database, endpoint: UUID) -> None:
    turn_off = "update endpoint set enabled = false, disabled_reason = 'user', updated_at = $2 where id = $1"
    at = await database.serving.fetchval("select now()")
    await database.serving.execute(turn_off, endpoint, at)

    assert (await found(database)).orphaned == 0

    await database.serving.execute(turn_off, endpoint, at - timedelta(minutes=6))
    assert (await found(database)).orphaned == 10


@pytest.mark.usefixtures("endpoint")
async def test_a_round_is_spread_over_many_windows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "WAITING_A_WINDOW", 3)
    monkeypatch.setattr(reconciliation, "EVENTS_A_WINDOW", 2)
    monkeypatch.setattr(reconciler, "WINDOWS_A_LOOK", 1)
    walking = Reconciler(history=HISTORY)
    await database.serving.execute("delete from due where not blocked")

    looks = []
    async with database.engine.acquire() as session:
        while walking.findings is None:
            looks.append(await walking.look(session))

    assert len(looks) > 2
    assert looks[-1] == 10
    assert walking.findings == Findings(events=10, waiting=5, missing=5, headless=5)
