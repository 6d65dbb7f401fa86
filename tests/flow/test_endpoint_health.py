"""The keeper warns of failing endpoints, disables hopeless ones, and enables those that respond to a test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_queue import report
from tests.support.databases import add_account, add_endpoint
from tests.support.receiver import OK, always, answering, receiving
from waypost.domain import ids
from waypost.domain.endpoints import DisabledReason
from waypost.domain.incidents import Incident, State
from waypost.keeper.endpoint_health import EndpointHealth
from waypost.store import audit, endpoint_changes, endpoint_health, incidents, queue
from waypost.store.database import Database
from waypost.store.incidents import BEGINNING
from waypost.store.statements import SENT

DAYS_30 = timedelta(days=30)
FAIL = """
insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, latency)
values ($1, (now() at time zone 'utc')::date, date_trunc('hour', now()), 1, 0, 0, $2, $2, '{}')
on conflict (endpoint, hour, dispatcher, day)
do update set attempts = excluded.attempts, failed_attempts = excluded.attempts
"""

HOUR = """
insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, latency)
select $1, (h at time zone 'utc')::date, h, 1, 0, 0, $3, $4, '{}' from date_trunc('hour', now() - $2::interval) h
"""


@dataclass
class Watched:
    """An endpoint and the duty that watches it; time passes by moving what was noted into the past."""

    database: Database
    account: UUID
    endpoint: UUID
    duty: EndpointHealth = field(default_factory=lambda: EndpointHealth(history=DAYS_30))

    async def look(self) -> list[Incident]:
        """Look twice, since nothing may change the second time, and return the account's incidents."""
        async with self.database.serving.acquire() as session:
            await self.duty.look(session)
            assert await self.duty.look(session) == 0
            return await incidents.changed_after(session, self.account, BEGINNING, limit=50)

    async def open(self) -> dict[str, Incident]:
        return {one.kind: one for one in await self.look() if one.state is State.OPEN}

    async def fail(self, *, attempts: int, tries: int) -> None:
        """Let every attempt from now on fail, the last one with a time-out."""
        await report(self.database, self.account, "A1", 1)
        await self.set("due set tries = $2 where endpoint = $1", tries)
        await self.note("timed_out")
        await self.database.serving.execute(FAIL, self.endpoint, attempts)

    async def note(self, error: str | None) -> None:
        async with self.database.serving.acquire() as session:
            await queue.note_health(session, {self.endpoint: queue.Noted(error)})

    async def set(self, change: str, *values: object) -> None:
        await self.database.serving.execute(f"update {change}", self.endpoint, *values)

    async def pass_by(self, time: timedelta) -> None:
        await self.set("endpoint_health set failing_since = failing_since - $2::interval,"
                       " probed_at = probed_at - $2::interval where endpoint = $1", time)  # fmt: skip
        await self.set("endpoint set off_since = off_since - $2::interval where id = $1", time)
        await self.database.serving.execute(
            "update incident set details = details || jsonb_build_object('announced_at',"
            " to_char((details ->> 'announced_at')::timestamptz at time zone 'utc' - $1::interval,"
            """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) where details ->> 'announced_at' is not null""",
            time,
        )

    async def row(self) -> Any:
        return await self.database.serving.fetchrow("select * from endpoint where id = $1", self.endpoint)


@pytest.fixture
async def watched(database: Database) -> Watched:
    account = await add_account(database)
    return Watched(database, account, await add_endpoint(database, account))


async def test_the_fourth_failure_of_a_delivery_opens_one_incident_and_a_success_closes_it(watched: Watched) -> None:
    await watched.fail(attempts=3, tries=3)
    assert await watched.look() == []

    await watched.set("due set tries = 4 where endpoint = $1")
    (found,) = await watched.look()

    assert (found.kind, found.state, found.subject) == (
        *("endpoint_failing", State.OPEN),
        ids.to_text(ids.ENDPOINT, watched.endpoint),
    )
    assert "It did not respond in time. Fix the program at this URL" in found.message

    await watched.note(None)
    await watched.set("due set tries = 0 where endpoint = $1")
    (closed,) = await watched.look()

    assert (closed.id, closed.state) == (found.id, State.CLOSED)
    assert closed.change > found.change
    assert closed.message == "http://127.0.0.1:8080/ accepts webhooks again."


async def test_a_hopeless_endpoint_is_announced_disabled_and_its_queue_cancelled(watched: Watched) -> None:
    await watched.fail(attempts=20, tries=9)
    stages = []
    for days in (0, 3.5, 1.5, 0.6):
        await watched.pass_by(timedelta(days=days))
        stages.append((await watched.open())["endpoint_failing"].stage)
    assert stages == [0, 1, 2, 3]
    assert (await watched.row())["enabled"]

    await watched.pass_by(timedelta(days=1.4, minutes=1))
    found = await watched.open()

    row = await watched.row()
    assert (row["enabled"], row["disabled_reason"]) == (False, "failing")
    assert list(found) == ["endpoint_disabled"]
    assert "Waypost also tests it every hour" in found["endpoint_disabled"].message
    async with watched.database.serving.acquire() as session:
        (entry,) = await audit.page(session, watched.account, before=audit.END, limit=5)
    assert (entry.actor, entry.action) == ("Waypost", "endpoint.disabled")


async def test_an_endpoint_whose_owner_never_wants_it_disabled_is_only_reported(watched: Watched) -> None:
    await watched.set("endpoint set disable_after_days = null where id = $1")
    await watched.fail(attempts=20, tries=9)
    await watched.look()
    await watched.pass_by(timedelta(days=20))

    found = await watched.open()

    assert "does not disable it" in found["endpoint_failing"].message
    assert (await watched.row())["enabled"]


async def test_an_endpoint_that_succeeded_meanwhile_at_another_dispatcher_is_not_disabled(watched: Watched) -> None:
    await watched.fail(attempts=20, tries=0)
    await watched.pass_by(timedelta(days=9))
    await watched.set("delivery_hours set failed_attempts = failed_attempts - 1 where endpoint = $1")

    assert await watched.look() == []
    assert (await watched.row())["enabled"]


async def test_only_failures_that_came_after_the_last_success_are_counted(watched: Watched) -> None:
    """The hour of a success may hold failures from before it."""
    await watched.note("timed_out")
    await watched.pass_by(timedelta(hours=6))
    for hours, attempts, failed in ((5, 21, 20), (3, 9, 9)):
        await watched.database.serving.execute(HOUR, watched.endpoint, timedelta(hours=hours), attempts, failed)
    async with watched.database.serving.acquire() as session:
        (row,) = await endpoint_health.of_endpoints(session, [watched.endpoint])
        hour = await session.fetchval("select date_trunc('hour', now()) - interval '5 hours'")

    assert (row.failed, row.accepted_in) == (9, hour)


async def test_a_success_in_the_hour_of_the_only_failures_leaves_nothing_to_report(watched: Watched) -> None:
    await watched.set("endpoint set disable_after_days = 1 where id = $1")
    await watched.note("timed_out")
    await watched.pass_by(timedelta(hours=14))
    await watched.database.serving.execute(HOUR, watched.endpoint, timedelta(hours=14), 3, 1)
    beside_a_success = await watched.look()

    await watched.database.serving.execute(HOUR, watched.endpoint, timedelta(hours=12), 1, 1)

    assert beside_a_success == []
    assert list(await watched.open()) == ["endpoint_failing"]


async def test_an_endpoint_that_a_person_enables_is_failing_from_its_next_failure_on(watched: Watched) -> None:
    await watched.fail(attempts=20, tries=0)
    await watched.pass_by(timedelta(days=6))
    for reason in (DisabledReason.USER, None):
        async with watched.database.serving.acquire() as session:
            await endpoint_changes.update_enabled(session, watched.account, watched.endpoint, reason)

    assert await watched.look() == []
    assert await watched.database.serving.fetchval("select failing_since from endpoint_health") is None


async def test_a_rejected_delivery_of_a_healthy_endpoint_is_an_incident_too(watched: Watched) -> None:
    await watched.fail(attempts=5, tries=5)
    await watched.note(None)

    found = (await watched.open())["endpoint_failing"]

    assert "has rejected at least one delivery 4 times" in found.message


@pytest.mark.parametrize("change", ["enabled = false, disabled_reason = 'user'", "deleted_at = now(), enabled = false"])
async def test_a_person_who_disables_or_deletes_an_endpoint_closes_its_incident(watched: Watched, change: str) -> None:
    await watched.fail(attempts=20, tries=9)
    await watched.look()

    reason = "" if "reason" in change else ", disabled_reason = 'user'"
    await watched.set(f"endpoint set {change}{reason} where id = $1")

    assert await watched.open() == {}


async def give_up(watched: Watched, reason: str, *, off_for: timedelta) -> None:
    change = "endpoint set enabled = false, disabled_reason = $2, off_since = now() - $3::interval where id = $1"
    await watched.set(change, reason, off_for)
    await watched.note("timed_out")


@pytest.fixture
async def way(database: Database) -> AsyncIterator[Way]:
    async with running(Way(database)) as way:
        yield way


async def answered(way: Way, tests: int) -> None:
    """Wait until this number of tests is settled."""
    while await way.database.serving.fetchval("select count(*) from settled where sample is not null") < tests:
        pass


@pytest.mark.parametrize("recovers", [False, True])
async def test_an_endpoint_that_answers_a_test_is_enabled_and_what_it_missed_is_recovered_if_so_chosen(
    way: Way, *, recovers: bool
) -> None:
    account = await add_account(way.database)
    async with receiving(always(OK)) as receiver:
        watched = Watched(way.database, account, await way.add_endpoint(account, receiver.url))
        await watched.set("endpoint set recover_automatically = $2 where id = $1", recovers)
        await give_up(watched, "failing", off_for=timedelta(hours=2))
        assert list(await watched.open()) == ["endpoint_disabled"]

        await answered(way, 1)
        (incident,) = await watched.look()

    row = await watched.row()
    assert (row["enabled"], row["disabled_reason"], incident.state) == (True, None, State.CLOSED)
    assert receiver.requests[0].headers["waypost-test"] == "true"
    recoveries = await way.database.serving.fetch("select only_what, dry_run from recovery")
    assert [tuple(one) for one in recoveries] == ([("missed", False)] if recovers else [])
    assert ("are being recovered" in incident.message) == recovers
    assert await way.database.serving.fetchval("select failing_since from endpoint_health") is None


async def test_an_endpoint_that_answers_a_test_with_410_is_not_tried_again(way: Way) -> None:
    account = await add_account(way.database)
    async with receiving(always(answering(410))) as receiver:
        watched = Watched(way.database, account, await way.add_endpoint(account, receiver.url))
        await give_up(watched, "failing", off_for=timedelta(hours=2))
        await watched.look()
        await answered(way, 1)
        await watched.look()
        await watched.pass_by(timedelta(hours=2))

        await watched.look()

    assert (await watched.row())["disabled_reason"] == "gone"
    assert await way.database.serving.fetchval("select count(*) from due where sample is not null") == 0


@pytest.mark.parametrize(
    ("reason", "off_for", "tests"),
    [
        ("failing", timedelta(hours=2), 1),
        ("failing", timedelta(minutes=50), 0),
        ("failing", timedelta(days=31), 0),
        ("gone", timedelta(hours=2), 0),
        ("user", timedelta(hours=2), 0),
    ],
)
async def test_only_what_waypost_disabled_is_tried_and_only_while_its_events_are_kept(
    watched: Watched, reason: str, off_for: timedelta, tests: int
) -> None:
    await give_up(watched, reason, off_for=off_for)

    await watched.look()

    assert await watched.database.serving.fetchval("select count(*) from due where sample is not null") == tests


async def test_the_statements_of_a_look_do_not_grow_with_healthy_endpoints(watched: Watched) -> None:
    async def statements() -> int:
        async with watched.database.serving.acquire() as session:
            before = sum(SENT.values())
            await watched.duty.look(session)
            return sum(SENT.values()) - before

    alone = await statements()
    for _ in range(3):
        await add_endpoint(watched.database, watched.account)

    assert await statements() == alone
