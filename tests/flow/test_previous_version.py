"""The running version keeps working during and after a migration: its statements still find what they need."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support import previous
from tests.support.databases import empty, named
from tests.support.embedded import ignore
from waypost.store import migrating, partitions
from waypost.store.migration_files import migrations

BREAKING = {
    "alter table due drop column crashes": "claim",
    "alter table due rename to pending": "scout",
    "alter table tracking alter column status type varchar(20)": "due_watches",
    "alter table settled add column batch uuid; alter table settled alter column batch set not null": "settle",
    "alter table attempt add constraint quick check (duration_ms < 0)": "copy_attempt",
    "alter table endpoint_health drop constraint endpoint_health_pkey": "note_health",
    "drop table web_session": "replace_session",
}
"""Migrations that would break the previous version, and one of its statements that would fail."""


@pytest.fixture
async def before(server_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with empty(server_dsn) as name:
        yield await _migrated(named(server_dsn, name), previous.LAST_MIGRATION)


@pytest.fixture
async def after(server_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with empty(server_dsn) as name:
        yield await _migrated(named(server_dsn, name), len(migrations()))


async def _migrated(dsn: str, number: int) -> asyncpg.Connection:
    session = await asyncpg.connect(dsn)
    await migrating.migrate(session, ignore, migrations()[:number])
    exists = "select to_regclass($1) is not null"
    with pytest.MonkeyPatch.context() as patch:  # a version knows the tables of its own migrations only
        known = [table for table in partitions.PARTITIONED if await session.fetchval(exists, table)]
        patch.setattr(partitions, "PARTITIONED", known)
        # An older schema lacks tables that are partitioned now.
    known = [table for table in partitions.PARTITIONED if await session.fetchval("select to_regclass($1)", table)]
    await partitions.create_ahead(session, known)
    await session.execute(previous.SEED)
    return session


async def test_statements_of_the_previous_version_work_on_the_migrated_schema(
    before: asyncpg.Connection, after: asyncpg.Connection
) -> None:
    assert await previous.differences(before, after) == {}


async def test_nearly_all_of_these_statements_are_executed(before: asyncpg.Connection) -> None:
    never = await previous.never_done(before)

    assert len(never) <= len(previous.STATEMENTS) / 20, sorted(never)


async def test_a_migration_that_breaks_one_of_them_is_detected(
    before: asyncpg.Connection, after: asyncpg.Connection
) -> None:
    missed = []

    for change, statement in BREAKING.items():
        rehearsal = after.transaction()
        await rehearsal.start()
        await after.execute(change)
        if statement not in await previous.differences(before, after, [statement]):
            missed.append(change)
        await rehearsal.rollback()

    assert missed == []


async def test_additions_break_none_of_them(before: asyncpg.Connection, after: asyncpg.Connection) -> None:
    await after.execute("alter table due add column later text; alter table settled add column why text default ''")
    await after.execute("create index settled_why on settled (why)")

    assert await previous.differences(before, after) == {}
