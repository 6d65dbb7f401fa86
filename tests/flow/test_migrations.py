"""Migrations: what they make, and that they run beside a version that is serving."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.support.databases import empty, named
from tests.support.embedded import ignore
from waypost.store import migrating, schema
from waypost.store.migration_files import Migration, MigrationError, migrations, statements_of

SCHEMA = Path(schema.__file__).with_name("schema.sql")
SIXTEEN = ("foundation", *(f"step_{number}" for number in range(2, 16)), "places")
FIRST, *LATER = migrations()


@pytest.fixture
async def session(server_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with empty(server_dsn) as name:
        connection = await asyncpg.connect(named(server_dsn, name))
        yield connection
        await connection.close()


@asynccontextmanager
async def another(session: asyncpg.Connection, server_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(named(server_dsn, await session.fetchval("select current_database()")))
    yield connection
    await connection.close()


async def before_the_squash(session: asyncpg.Connection, names: tuple[str, ...] = SIXTEEN) -> None:
    await migrating.migrate(session, ignore, [FIRST])
    await session.execute("truncate migration")
    rows = [(number, name, b"another text") for number, name in enumerate(names, 1)]
    await session.executemany("insert into migration (number, name, checksum) values ($1, $2, $3)", rows)


async def recorded(session: asyncpg.Connection) -> list[tuple[int, str]]:
    rows = await session.fetch("select number, name from migration order by number")
    return [(row["number"], row["name"]) for row in rows]


def _after_all(text: str, *, concurrent: bool = False) -> list[Migration]:
    known = migrations()
    return [*known, Migration(len(known) + 1, "added", text, concurrent)]


async def test_schema_sql_matches_the_migrations(session: asyncpg.Connection) -> None:
    await migrating.migrate(session, ignore)

    head, _, expected = SCHEMA.read_text().partition("\n\n")
    assert head.startswith("--")
    assert await schema.dump(session) == expected, "run `make schema` and look at the difference"


async def test_a_new_database_reports_its_migrations_in_one_line_and_an_older_one_names_each(
    session: asyncpg.Connection,
) -> None:
    new: list[str] = []
    older: list[str] = []

    await migrating.migrate(session, new.append)
    await migrating.migrate(session, older.append, _after_all("create table added (id uuid)"))
    await migrating.migrate(session, older.append, _after_all("create table added (id uuid)"))

    assert len(new) == 1
    assert re.fullmatch(rf"Created the tables with {len(migrations())} migrations in \d+\.\d s", new[0])
    assert older[0] == f"migration {len(migrations()) + 1:04d} added"
    assert re.fullmatch(r"Applied 1 migration in \d+\.\d s", older[1])
    assert older[2:] == []


async def test_schema_sql_is_executable(session: asyncpg.Connection) -> None:
    await session.execute(SCHEMA.read_text())

    assert await schema.dump(session) == SCHEMA.read_text().partition("\n\n")[2]


@pytest.mark.parametrize(
    "change",
    [
        "alter table due alter column tries drop default",
        "alter table due alter column next_at drop not null",
        "alter table due alter column tries type integer",
        "alter table due drop constraint due_pkey",
        "alter table due set (fillfactor = 60)",
        'alter table tracking alter column courier_code type text collate "POSIX"',
        "alter table endpoint drop constraint endpoint_account_fkey",
        "alter table call_window set unlogged",
        "alter table dispatcher alter column number drop identity",
        "drop index due_lane",
        "create index extra on due (tries)",
        "drop trigger audit_entry_stays on audit_entry",
        "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    ],
)
async def test_the_dump_shows_every_kind_of_change(session: asyncpg.Connection, change: str) -> None:
    await migrating.migrate(session, ignore)
    before = await schema.dump(session)

    await session.execute(change)

    assert await schema.dump(session) != before


async def test_a_database_from_before_the_squash_is_adopted_unchanged(session: asyncpg.Connection) -> None:
    await before_the_squash(session)
    await session.execute("insert into installation (name, value) values ('kept', '1')")

    assert len(await migrating.pending(session)) == len(migrations())
    await migrating.migrate(session, ignore)

    assert await recorded(session) == [(migration.number, migration.name) for migration in migrations()]
    assert await migrating.pending(session) == []
    assert await session.fetchval("select count(*) from installation") == 1


async def test_its_unvalidated_checks_are_validated_first(session: asyncpg.Connection) -> None:
    await before_the_squash(session)
    await session.execute("alter table account drop constraint account_accent")
    await session.execute(
        "alter table account add constraint account_accent check (accent ~ '^#[0-9a-f]{6}$') not valid"
    )

    await migrating.migrate(session, ignore)

    assert await session.fetchval("select convalidated from pg_constraint where conname = 'account_accent'")


async def test_a_database_with_a_changed_schema_is_rejected_in_one_sentence(session: asyncpg.Connection) -> None:
    await before_the_squash(session)
    await session.execute("alter table due add column own_idea text")
    before = await recorded(session)

    with pytest.raises(MigrationError, match="has `own_idea text"):
        await migrating.migrate(session, ignore)

    assert await recorded(session) == before
    assert await session.fetchval("select count(*) from pg_namespace where nspname = 'waypost_reference'") == 0


async def test_a_database_without_all_sixteen_migrations_is_rejected(session: asyncpg.Connection) -> None:
    await before_the_squash(session, SIXTEEN[:12])

    with pytest.raises(MigrationError, match="has 12 of the 16 migrations"):
        await migrating.migrate(session, ignore)


async def test_listing_pending_migrations_changes_nothing(session: asyncpg.Connection) -> None:
    assert await migrating.pending(session) == migrations()

    assert await schema.dump(session) == ""


async def test_a_failed_migration_leaves_nothing_behind(session: asyncpg.Connection) -> None:
    await migrating.migrate(session, ignore)
    before = await schema.dump(session)

    with pytest.raises(asyncpg.UndefinedTableError):
        await migrating.migrate(session, ignore, _after_all("create table half (id uuid); drop table other_half"))

    assert await schema.dump(session) == before
    assert await recorded(session) == [(migration.number, migration.name) for migration in migrations()]


async def test_a_migration_stops_waiting_for_a_lock_and_says_so(
    session: asyncpg.Connection, server_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrating.migrate(session, ignore)
    before = await schema.dump(session)
    monkeypatch.setattr(migrating, "_PAUSE_SECONDS", 0.0)
    added = _after_all("set local lock_timeout = '10ms'; alter table due add column later text")

    async with another(session, server_dsn) as busy, busy.transaction():
        await busy.execute("lock table due in access share mode")
        with pytest.raises(MigrationError, match=f"{len(added):04d} did not get a lock"):
            await migrating.migrate(session, ignore, added)
        assert await schema.dump(session) == before

    assert await migrating.migrate(session, ignore, added) == 1


async def test_an_interrupted_index_build_is_repeated(session: asyncpg.Connection, server_dsn: str) -> None:
    await migrating.migrate(session, ignore)
    added = _after_all(
        "set lock_timeout = '1min'; create index concurrently if not exists added on due (tries)", concurrent=True
    )
    short = _after_all(added[-1].text.replace("1min", "10ms"), concurrent=True)
    async with another(session, server_dsn) as busy, busy.transaction():
        await busy.execute("lock table due in row exclusive mode")
        with pytest.raises(MigrationError):
            await migrating.migrate(session, ignore, short)
    assert not await session.fetchval("select indisvalid from pg_index where indexrelid = 'added'::regclass")

    await migrating.migrate(session, ignore, added)

    assert await session.fetchval("select indisvalid from pg_index where indexrelid = 'added'::regclass")
    assert await session.fetchval("show lock_timeout") == "0"


def test_a_script_is_split_at_the_ends_of_statements() -> None:
    script = """
    -- not here; nor here
    insert into note values ('a; b', 'it''s; so'); /* nor; here */
    create function f() returns trigger language plpgsql as $body$ begin return null; end $body$;
    select "odd;name" from note
    """

    assert statements_of(script) == [
        "insert into note values ('a; b', 'it''s; so')",
        "create function f() returns trigger language plpgsql as $body$ begin return null; end $body$",
        'select "odd;name" from note',
    ]


async def test_a_table_in_another_schema_is_not_mistaken_for_ours(session: asyncpg.Connection) -> None:
    await migrating.migrate(session, ignore)
    await session.execute("create schema cell; set search_path = cell, public")

    assert await migrating.pending(session) == migrations()
    assert await migrating.migrate(session, ignore) == len(migrations())

    assert await session.fetchval("select count(*) from pg_class where relname = 'due'") == 2
