"""A backup is a consistent copy that can be restored; a failed backup or restore says so and changes nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from pydantic import SecretStr

from tests.support.backups import KEY, Shop, a_shop
from tests.support.databases import add_account, empty, named
from tests.support.embedded import ignore, mode, read, running
from tests.support.halting import halting, kill_in_the_middle, run_into
from tests.support.receiver import HANGS_AFTER_SECONDS
from tests.support.serving import WAYPOST, environment
from waypost.app.backing_up import back_up, restore
from waypost.store.backups import manifest
from waypost.store.backups.manifest import BackupError
from waypost.store.backups.rhythm import Rhythm, Share
from waypost.store.backups.slicing import in_slices
from waypost.store.backups.writing import count_rows
from waypost.store.database import Access, Database
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.server import EmbeddedPostgres
from waypost.store.statements import Session


@pytest.fixture
async def shop(database: Database, server_dsn: str) -> AsyncIterator[Shop]:
    async with a_shop(database, server_dsn) as shop:
        yield shop


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")
async def test_a_session_of_a_check_is_stopped_while_it_rests_and_works_afterwards(shop: Shop) -> None:
    rhythm = Rhythm()
    rhythm.gives_way = True

    async with asyncio.timeout(HANGS_AFTER_SECONDS), in_slices(shop.database, shop.dsn, rhythm) as name:
        session = await asyncpg.connect(shop.dsn, server_settings={"application_name": name})
        while state_of(session.get_server_pid()) != "T":
            await shop.rows()

    assert await session.fetchval("select 1") == 1
    assert state_of(session.get_server_pid()) != "T"
    await session.close()


def state_of(process: int) -> str:
    return read(f"/proc/{process}/stat").rpartition(")")[2].split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this class")
async def test_a_backup_and_its_session_give_way_to_everything_else(shop: Shop) -> None:
    with halting("pg_dump", shop.place) as halt:
        arguments = (halt, "backup", shop.place / "backup", "--no-check", "--database-url", shop.dsn)
        process = await asyncio.to_thread(run_into, *arguments, WAYPOST_SECRET_KEY=KEY)
        (client,) = read(f"/proc/{process.pid}/task/{process.pid}/children").split()
        assert os.sched_getscheduler(process.pid) == os.sched_getscheduler(int(client)) == os.SCHED_IDLE

        async with shop.database.unhurried() as session, session.transaction():
            await session.execute("lock table tracking")  # which pg_dump then waits for
            await asyncio.to_thread(halt.go_on)
            await until_its_session_has_low_priority(session)
        await asyncio.to_thread(process.wait)

    assert manifest.read(shop.place / "backup").rows == await shop.rows()


async def until_its_session_has_low_priority(session: Session) -> None:
    mine = os.getpriority(os.PRIO_PROCESS, session.get_server_pid())
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while True:
            await session.execute("select pg_stat_clear_snapshot()")
            for row in await session.fetch(
                "select pid from pg_stat_activity where application_name ~ '^waypost-backup-'"
            ):
                if os.getpriority(os.PRIO_PROCESS, row["pid"]) > mine:
                    return


async def test_a_fast_backup_gives_way_to_nothing(shop: Shop) -> None:
    with halting("pg_dump", shop.place) as halt:
        arguments = (halt, "backup", shop.place / "backup", "--no-check", "--fast", "--database-url", shop.dsn)
        process = await asyncio.to_thread(run_into, *arguments, WAYPOST_SECRET_KEY=KEY)
        classes = {os.sched_getscheduler(process.pid), os.sched_getscheduler(0)}
        process.kill()
        await asyncio.to_thread(process.wait)

    assert len(classes) == 1


async def test_a_kill_during_a_backup_leaves_nothing_that_passes_for_a_backup(shop: Shop) -> None:
    folder = shop.place / "backup"
    with halting("pg_dump", shop.place) as halt:
        arguments = (halt, "backup", folder, "--fast", "--database-url", shop.dsn)
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
            assert await count_rows(session, Rhythm(), Share.CHECKING) == await shop.rows()
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
            rows = await count_rows(session, Rhythm(), Share.CHECKING)
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

    (bare / "pg_dump").write_text("#!/bin/sh\n")  # it says that all is well
    with pytest.raises(BackupError, match="pg_dump wrote nothing"):
        await back_up(shop.settings(pg_bin=bare), shop.place / "b", with_key=True, check=False, progress=ignore)

    assert not (shop.place / "b").exists()


async def test_on_a_full_disk_a_backup_and_a_restore_say_so_in_one_sentence_and_leave_nothing(shop: Shop) -> None:
    folder, data_dir = await shop.back_up(), shop.place / "new"

    backup = await asyncio.to_thread(
        run_on_a_full_disk, "backup", shop.place / "second", "--no-check", "--fast", "--database-url", shop.dsn
    )
    restore = await asyncio.to_thread(run_on_a_full_disk, "restore", folder, "--data-dir", data_dir)

    assert backup[-1] == f"waypost: {shop.place / 'second'} can't be written to: File too large."
    assert restore[-1].startswith("waypost: initdb failed: ")
    assert restore[-1].endswith(": File too large")
    assert not (shop.place / "second").exists()
    assert not data_dir.exists()


def run_on_a_full_disk(*arguments: object) -> list[str]:
    """Return the lines on standard error of a command, none of whose files may have more than 50 kB."""
    limited = ("/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "-", *WAYPOST, *map(str, arguments))
    settings = environment(WAYPOST_SECRET_KEY=KEY)
    ended = subprocess.run(limited, env=settings, cwd="/", check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    return ended.stderr.splitlines()
