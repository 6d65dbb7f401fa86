"""A backup is a consistent copy that can be restored; a failed backup or restore says so and changes nothing."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account, add_endpoint, empty, named
from tests.support.embedded import ignore, mode, open_place, running
from tests.support.halting import halting, kill_in_the_middle
from waypost.app.backing_up import back_up, restore
from waypost.app.doctor import Severity, backups
from waypost.domain.errors import OperatorError
from waypost.intake.batch import write
from waypost.settings import Settings
from waypost.store import installation
from waypost.store.backups import manifest
from waypost.store.backups.manifest import BackupError
from waypost.store.backups.scheduled import ScheduledBackups
from waypost.store.backups.writing import count_rows
from waypost.store.database import Access, Database
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.server import EmbeddedPostgres

KEY = "a secret key of sixteen characters or more"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    """An installation with two parcels, an endpoint and what waits for it, and a folder for its backups."""

    database: Database
    dsn: str
    place: Path

    def settings(self, **others: object) -> Settings:
        given: dict[str, Any] = {"database_url": SecretStr(self.dsn), "secret_key": SecretStr(KEY)} | others
        return Settings.model_construct(**given)

    async def back_up(self, name: str = "backup", *, with_key: bool = True, check: bool = False) -> Path:
        await back_up(self.settings(), self.place / name, with_key=with_key, check=check, progress=ignore)
        return self.place / name

    async def rows(self) -> dict[str, int]:
        async with self.database.unhurried() as session:
            return await count_rows(session)


@pytest.fixture
async def shop(database: Database, server_dsn: str) -> Any:
    account = await add_account(database)
    await add_endpoint(database, account)
    async with database.engine.acquire() as session:
        async with session.transaction():
            await write(
                session, [reporting(account, name, scan(hour)) for name in "AB" for hour in (8, 9)], frozenset()
            )
        await installation.check_secret_key(session, KEY, came_from="the test")
        name = await session.fetchval("select current_database()")
    with open_place() as place:
        yield Shop(database, named(server_dsn, name), place)


async def test_a_test_restored_backup_has_every_row_and_the_key_separately(shop: Shop) -> None:
    folder = await shop.back_up(check=True)

    made = manifest.read(folder)
    assert made.rows == await shop.rows()
    assert made.rows["tracking"] == 2
    assert made.rows["event"] == made.rows["due"] == 4
    assert sorted(entry.name for entry in folder.iterdir()) == ["database.dump", "manifest.json", "secret.key"]
    assert (folder / "secret.key").read_text() == f"{KEY}\n"
    assert mode(folder) == 0o700
    assert mode(folder / "secret.key") == mode(folder / "database.dump") == 0o600


async def test_a_backup_shows_the_moment_of_its_start(shop: Shop) -> None:
    before = await shop.rows()
    with halting("pg_dump", shop.place) as halt:
        settings = shop.settings(pg_bin=halt.programs)
        folder = shop.place / "backup"
        writing = asyncio.create_task(back_up(settings, folder, with_key=True, check=False, progress=ignore))
        await asyncio.to_thread(halt.wait_until_begun)
        await add_account(shop.database)
        await asyncio.to_thread(halt.go_on)
        await writing

    assert manifest.read(folder).rows == before != await shop.rows()
    await restore(
        shop.settings(database_url=None, secret_key=None, data_dir=shop.place / "new"),
        folder,
        key=None,
        progress=ignore,
    )


async def test_a_kill_during_a_backup_leaves_nothing_that_passes_for_a_backup(shop: Shop) -> None:
    folder = shop.place / "backup"
    with halting("pg_dump", shop.place) as halt:
        arguments = (halt, "backup", folder, "--database-url", shop.dsn)
        await asyncio.to_thread(kill_in_the_middle, *arguments, WAYPOST_SECRET_KEY=KEY)

    with pytest.raises(BackupError, match="holds no finished backup"):
        manifest.read(folder)
    assert manifest.read(await shop.back_up()).rows == await shop.rows()


async def test_a_kill_during_a_restore_leaves_nothing_that_passes_for_an_installation(shop: Shop) -> None:
    folder, data_dir = await shop.back_up(), shop.place / "new"
    with halting("pg_restore", shop.place) as halt:
        await asyncio.to_thread(kill_in_the_middle, halt, "restore", folder, "--data-dir", data_dir)

    with pytest.raises(EmbeddedPostgresError, match="run `waypost restore` again"):
        await EmbeddedPostgres.start(data_dir, pg_bin=None, progress=ignore)
    # As if the kill had come a moment before the cluster's move, which decides.
    for name in ("secret.key", "postgres.password"):
        (data_dir / name).touch()
    settings = shop.settings(database_url=None, secret_key=None, data_dir=data_dir)
    await restore(settings, folder, key=None, progress=ignore)
    assert sorted(entry.name for entry in data_dir.iterdir()) == ["lock", "postgres", "postgres.password", "secret.key"]


async def test_a_backup_can_be_restored_into_a_data_directory(shop: Shop) -> None:
    folder = await shop.back_up()
    data_dir = shop.place / "new" / "data"

    await restore(
        shop.settings(database_url=None, secret_key=None, data_dir=data_dir), folder, key=None, progress=ignore
    )

    assert (data_dir / "secret.key").read_text() == f"{KEY}\n"
    assert not (data_dir / "restore.unfinished").exists()
    async with running(data_dir) as server:
        restored = await Database.open(Access(server.dsn))
        async with restored.unhurried() as session:
            assert await count_rows(session) == await shop.rows()
        await restored.close()
    with pytest.raises(BackupError, match="holds a Waypost already"):
        await restore(shop.settings(database_url=None, data_dir=data_dir), folder, key=None, progress=ignore)


async def test_a_backup_is_restored_only_into_an_empty_database(shop: Shop, server_dsn: str) -> None:
    folder = await shop.back_up(with_key=False)

    async with empty(server_dsn) as name:
        there = shop.settings(database_url=SecretStr(named(server_dsn, name)))
        await restore(there, folder, key=None, progress=ignore)
        restored = await Database.open(Access(named(server_dsn, name)))
        async with restored.unhurried() as session:
            rows = await count_rows(session)
        await restored.close()
        with pytest.raises(BackupError, match="has tables already"):
            await restore(there, folder, key=None, progress=ignore)
        with pytest.raises(BackupError, match="set WAYPOST_SCHEMA=public"):
            await restore(there.model_copy(update={"schema": "other"}), folder, key=None, progress=ignore)

    assert rows == await shop.rows()


async def test_a_backup_is_written_only_into_an_empty_folder(shop: Shop) -> None:
    folder = await shop.back_up()
    with pytest.raises(BackupError, match="holds a backup already"):
        await shop.back_up()
    used = shop.place / "used"
    used.mkdir()
    (used / "letter.txt").write_text("mine")
    with pytest.raises(BackupError, match=r"is not empty \(it holds letter.txt\)"):
        await shop.back_up("used")
    (shop.place / "file").touch()
    with pytest.raises(BackupError, match="can't be used for a backup"):
        await shop.back_up("file")

    assert manifest.read(folder).has_key
    assert [entry.name for entry in used.iterdir()] == ["letter.txt"]


async def test_an_unfinished_backup_is_never_restored_and_can_be_overwritten(shop: Shop) -> None:
    folder = await shop.back_up()
    for entry in folder.iterdir():
        entry.rename(folder / f"{entry.name}.unfinished")

    with pytest.raises(BackupError, match="holds no finished backup"):
        await restore(shop.settings(), folder, key=None, progress=ignore)
    assert manifest.read(await shop.back_up()).has_key


async def test_a_key_stored_elsewhere_can_be_given_to_restore(shop: Shop, server_dsn: str) -> None:
    folder = await shop.back_up()
    (folder / "secret.key").unlink()

    async with empty(server_dsn) as name:
        there = shop.settings(database_url=SecretStr(named(server_dsn, name)), secret_key=None)
        with pytest.raises(BackupError, match="--secret-key-file"):
            await restore(there, folder, key=None, progress=ignore)
        made = await restore(there, folder, key=KEY, progress=ignore)

    assert made.rows == await shop.rows()


async def test_a_wrong_or_missing_key_is_rejected_before_anything_is_created(shop: Shop) -> None:
    folder = await shop.back_up(with_key=False)
    data_dir = shop.place / "new"
    settings = shop.settings(database_url=None, secret_key=None, data_dir=data_dir)

    with pytest.raises(BackupError, match="--secret-key-file"):
        await restore(settings, folder, key=None, progress=ignore)
    with pytest.raises(BackupError, match="not the one that the backup was made with"):
        await restore(settings, folder, key=KEY[::-1], progress=ignore)
    wrong = shop.settings(secret_key=SecretStr(KEY[::-1]))
    with pytest.raises(BackupError, match="not the one that this database was made with"):
        await back_up(wrong, shop.place / "wrong", with_key=True, check=False, progress=ignore)

    assert not data_dir.exists()


def _changed(folder: Path, **changes: Any) -> None:
    """Write a manifest with other values."""
    made = msgspec.structs.replace(manifest.read(folder), **changes)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(made))


def _newer(folder: Path) -> None:
    _changed(folder, migration=9_999)


def _too_large(folder: Path) -> None:
    _changed(folder, database_size=1 << 60)


def _fewer_rows(folder: Path) -> None:
    _changed(folder, rows=manifest.read(folder).rows | {"tracking": 3})


def _cut(folder: Path) -> None:
    dump = folder / "database.dump"
    os.truncate(dump, dump.stat().st_size - 1)


def _no_dump(folder: Path) -> None:
    (folder / "database.dump").unlink()


def _other_names(folder: Path) -> None:
    made = manifest.read(folder)
    _changed(folder, files=made.files | {"../escaped": made.files["database.dump"]})


def _quoting_schema(folder: Path) -> None:
    _changed(folder, schema='a"; drop schema public cascade; --')


def _no_json(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_newer, "which is newer: upgrade this program"),
        (_too_large, "MB left, and restoring needs"),
        (_cut, "is damaged: it is not the file that was written"),
        (_no_dump, "can't be read: No such file or directory"),
        (_other_names, "manifest.json is damaged"),
        (_quoting_schema, "manifest.json is damaged"),
        (_no_json, "manifest.json is damaged"),
        (_fewer_rows, "The restored table tracking has 2 rows instead of 3"),
    ],
)
async def test_an_impossible_restore_says_why_and_leaves_nothing(shop: Shop, harm: Any, reason: str) -> None:
    folder = await shop.back_up()
    harm(folder)
    data_dir = shop.place / "new"

    with pytest.raises(BackupError, match=reason):
        await restore(
            shop.settings(database_url=None, secret_key=None, data_dir=data_dir), folder, key=None, progress=ignore
        )

    assert not data_dir.exists()


async def test_a_failed_copy_is_reported_with_the_programs_reason(shop: Shop) -> None:
    bare = shop.place / "bin"
    bare.mkdir()
    with pytest.raises(BackupError, match="no pg_dump and pg_restore in"):
        await back_up(shop.settings(pg_bin=bare), shop.place / "b", with_key=True, check=False, progress=ignore)
    for name, script in (("pg_dump", "echo 'pg_dump: error: it broke' >&2; exit 1"), ("pg_restore", "exit 0")):
        (bare / name).write_text(f"#!/bin/sh\n{script}\n")
        (bare / name).chmod(0o755)
    with pytest.raises(BackupError, match="it broke"):
        await back_up(shop.settings(pg_bin=bare), shop.place / "b", with_key=True, check=False, progress=ignore)

    with pytest.raises(BackupError, match="holds no finished backup"):
        manifest.read(shop.place / "b")


@dataclass
class Calendar:
    """A clock that is set by hand."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def _scheduled(shop: Shop, clock: Calendar) -> ScheduledBackups:
    return ScheduledBackups(shop.place / "all", shop.dsn, key=None, check=False, pg_bin=None, now=clock)


async def test_the_keeper_makes_one_backup_a_day_and_removes_old_and_unfinished_ones(shop: Shop) -> None:
    clock = Calendar()
    scheduled = _scheduled(shop, clock)
    assert await scheduled.make_due(shop.database) == 1
    first = scheduled.made()[NOON]
    for days in range(1, 40):  # as if it had run that many days
        at = NOON - timedelta(days=days)
        shutil.copytree(first, shop.place / "all" / at.strftime("waypost-%Y%m%dT%H%M%SZ"))
    killed = shop.place / "all" / "waypost-20261130T100000Z"
    killed.mkdir()
    (killed / "database.dump.unfinished").touch()
    others = shop.place / "all" / "waypost-20200101T000000Z"
    others.mkdir()
    (others / "notes.txt").touch()

    clock.now += timedelta(hours=20)
    assert await scheduled.make_due(shop.database) == 0
    clock.now += timedelta(hours=4)
    assert await scheduled.make_due(shop.database) == 1

    assert len(scheduled.made()) == 9
    assert scheduled.newest() == clock.now
    assert not killed.exists()
    assert (others / "notes.txt").exists()


async def test_a_scheduled_backup_that_cannot_be_restored_does_not_count(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A scratch database on a disk without room, which the folder for temporary files decides.
    monkeypatch.setattr("tempfile.tempdir", "/proc")
    clock = Calendar()
    scheduled = ScheduledBackups(shop.place / "all", shop.dsn, key=None, check=True, pg_bin=None, now=clock)

    with pytest.raises((OperatorError, OSError)):
        await scheduled.make_due(shop.database)

    assert scheduled.newest() is None


async def test_doctor_checks_the_age_of_the_newest_backup(shop: Shop) -> None:
    clock = Calendar()
    settings = shop.settings(backup_dir=shop.place / "all")
    assert backups(shop.settings(), NOON).state is Severity.WARNING
    assert backups(settings, NOON).state is Severity.WRONG
    await _scheduled(shop, clock).make_due(shop.database)

    assert backups(settings, NOON + timedelta(hours=35)).state is Severity.FINE
    assert backups(settings, NOON + timedelta(hours=37)).state is Severity.WRONG
