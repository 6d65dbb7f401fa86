"""What the keeper finds wrong besides endpoints: connections, parcels that wait for somebody, the installation."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.flow.test_queue import report
from tests.support.databases import add_account
from waypost.domain import ids
from waypost.domain.incidents import Incident, State
from waypost.domain.times import rfc3339
from waypost.keeper.reconciler import Reconciler
from waypost.keeper.troubles import SILENT_AFTER, STALLS_OF_TROUBLE, STUCK_AFTER, Signs, Troubles
from waypost.store import incidents, partitions
from waypost.store.backups.scheduled import ScheduledBackups
from waypost.store.database import Database
from waypost.store.incidents import BEGINNING
from waypost.store.reconciliation import Findings

MINUTE = timedelta(minutes=1)
CONNECTION = """
with added as (
    insert into connection (id, account, source, kind, name, credentials)
    values ($1, $2, 'ups', 'carrier', 'UPS, main', case when $2::uuid is not null then 'sealed'::bytea end)
)
insert into connection_health (connection, state) values ($1, $3)
"""


@dataclass
class Watched:
    database: Database
    account: UUID
    reconciler: Reconciler = field(default_factory=lambda: Reconciler(history=STUCK_AFTER * 30))
    room: bool = True
    stalls: int = 0

    def __post_init__(self) -> None:
        self.clock = 0.0
        signs = Signs(has_room=lambda: self.room, stalls=lambda: self.stalls, clock=lambda: self.clock)
        self.duty = Troubles(signs, self.reconciler)

    async def open(self, *, of_operator: bool = False) -> dict[str, Incident]:
        """Look, and return the open incidents by kind, or the operator's by subject."""
        async with self.database.serving.acquire() as session:
            await self.duty.look(session)
            assert await self.duty.look(session) == 0
            owner = None if of_operator else self.account
            found = await incidents.changed_after(session, owner, BEGINNING, state=State.OPEN, limit=50)
        return {one.subject if of_operator else one.kind.value: one for one in found}

    async def connect(self, state: str, *, of_operator: bool = False) -> UUID:
        connection = ids.make_id(1_790_000_000_000, 0, uuid4().int)
        await self.execute(CONNECTION, connection, None if of_operator else self.account, state)
        return connection

    async def execute(self, statement: str, *values: object) -> None:
        await self.database.serving.execute(statement, *values)


@pytest.fixture
async def watched(database: Database) -> Watched:
    await database.serving.execute("insert into dispatcher (seen_at) values (now())")
    return Watched(database, await add_account(database))


@pytest.mark.parametrize(("state", "says"), [("refused", "rejects the credentials"), ("unreadable", "can't read")])
async def test_a_connection_that_is_refused_is_an_incident_until_it_works(
    watched: Watched, state: str, says: str
) -> None:
    connection = await watched.connect(state)

    found = (await watched.open())["connection_refused"]
    await watched.execute("update connection_health set state = 'works' where connection = $1", connection)

    assert found.subject == ids.to_text(ids.CONNECTION, connection)
    assert says in found.message
    assert await watched.open() == {}


async def test_the_operators_connection_concerns_the_operator(watched: Watched) -> None:
    connection = await watched.connect("refused", of_operator=True)

    assert await watched.open() == {}
    assert list(await watched.open(of_operator=True)) == [ids.to_text(ids.CONNECTION, connection)]


async def test_a_connection_that_polls_a_parcel_an_hour_late_has_too_few_calls(watched: Watched) -> None:
    connection = await watched.connect("works")
    await report(watched.database, watched.account, "A1", 1)
    poll = "update watch set connection = $1, next_poll_at = now() - $2::interval"
    await watched.execute(poll, connection, STUCK_AFTER / 24 / 2)
    in_time = await watched.open()
    await watched.execute(poll, connection, STUCK_AFTER / 24 * 2)

    assert in_time == {}
    assert list(await watched.open()) == ["budget_too_small"]


async def test_a_parcel_that_nobody_reports_on_for_a_day_needs_somebody(watched: Watched) -> None:
    await report(watched.database, watched.account, "A1", 1)
    await watched.execute("update tracking set status = 'pending', substatus = 'pending001'")
    young = await watched.open()
    at = datetime.now(UTC) - STUCK_AFTER * 2
    await watched.execute("update tracking set id = $1", ids.make_id(int(at.timestamp() * 1000), 1, 1))

    old = await watched.open()
    await watched.execute("update tracking set archived = true")

    assert young == {}
    assert list(old) == ["parcels_stuck"]
    assert await watched.open() == {}


async def test_the_operator_hears_of_the_disk_the_promise_the_dispatchers_and_the_partitions(watched: Watched) -> None:
    assert await watched.open(of_operator=True) == {}
    watched.clock = 60.0
    watched.room = False
    watched.reconciler.findings = Findings(missing=1)
    await watched.execute("update dispatcher set seen_at = now() - interval '2 minutes'")
    async with watched.database.serving.acquire() as session:
        today = await partitions.today(session)
    await watched.execute(f"drop table event_{today:%Y%m%d}")

    found = await watched.open(of_operator=True)
    async with watched.database.serving.acquire() as session:
        await partitions.create_ahead(session)

    assert set(found) == {"disk", "reconciler", "dispatch", "partitions"}
    watched.room, watched.reconciler.findings = True, Findings()
    await watched.execute("update dispatcher set seen_at = now()")
    assert await watched.open(of_operator=True) == {}


async def test_dispatchers_that_start_with_the_keeper_have_a_minute_to_appear(watched: Watched) -> None:
    await watched.execute("delete from dispatcher")

    at_once = await watched.open(of_operator=True)
    watched.clock = 60.0

    assert at_once == {}
    assert list(await watched.open(of_operator=True)) == ["dispatch"]


async def test_another_machines_disk_is_not_judged_by_this_one(watched: Watched) -> None:
    watched.room = False
    await watched.open(of_operator=True)
    await watched.execute('update incident set details = \'{"host": "elsewhere"}\'')
    watched.room = True

    assert list(await watched.open(of_operator=True)) == ["disk"]


async def test_the_incident_of_a_machine_that_is_not_heard_of_for_hours_is_closed(watched: Watched) -> None:
    watched.room = False
    (opened,) = (await watched.open(of_operator=True)).values()
    await watched.execute("update incident set details = jsonb_set(details, '{host}', '\"removed\"')")
    watched.room = True
    assert list(await watched.open(of_operator=True)) == ["disk"]
    long_ago = f'"{rfc3339(datetime.now(UTC) - SILENT_AFTER)}"'
    await watched.execute("update incident set details = jsonb_set(details, '{seen_at}', $1::text::jsonb)", long_ago)

    assert await watched.open(of_operator=True) == {}
    async with watched.database.serving.acquire() as session:
        (closed,) = await incidents.newest(session, None, state=State.CLOSED, limit=2)
    assert closed.id == opened.id
    assert closed.message.startswith("No keeper on the machine removed has reported for 3 hours.")


async def test_a_machine_confirms_its_incident_every_hour_without_another_alert() -> None:
    signs = Signs(has_room=lambda: False)
    at = datetime(2026, 3, 2, 6, 10, tzinfo=UTC)

    seen = [trouble.details["seen_at"] for minutes in (0, 40, 50) for trouble in signs.found(at + minutes * MINUTE)]

    assert seen == ["2026-03-02T06:00:00.000Z", "2026-03-02T06:00:00.000Z", "2026-03-02T07:00:00.000Z"]


async def test_a_day_without_a_backup_is_an_incident(tmp_path: Path) -> None:
    async def never(_folder: Path) -> None:
        """Make no backup."""

    signs = Signs(backups=ScheduledBackups(tmp_path, never, checked=False))
    found = {
        hours: [one.subject for one in signs.found(datetime.now(UTC) + timedelta(hours=hours))] for hours in (29, 31)
    }

    assert found == {29: [], 31: ["backup"]}


async def test_a_loop_that_is_blocked_often_within_minutes_is_an_incident(watched: Watched) -> None:
    await watched.open(of_operator=True)
    watched.stalls = STALLS_OF_TROUBLE + 1

    assert list(await watched.open(of_operator=True)) == ["stall"]
    watched.clock = 601.0
    assert await watched.open(of_operator=True) == {}
