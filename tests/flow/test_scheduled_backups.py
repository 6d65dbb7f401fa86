"""The keeper makes a backup every day, and keeps those of the last days and weeks."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.backups import KEY, Shop, a_shop
from tests.support.embedded import ignore
from waypost.app.backing_up import back_up, scheduled_backups
from waypost.app.doctor import Severity, backups
from waypost.store.backups import manifest
from waypost.store.backups.manifest import BackupError
from waypost.store.backups.scheduled import ScheduledBackups, scratch_folder
from waypost.store.database import Database
from waypost.store.embedded.folder import open_folder, try_lock

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
async def shop(database: Database, server_dsn: str) -> AsyncIterator[Shop]:
    async with a_shop(database, server_dsn) as shop:
        yield shop


def test_a_check_removes_what_killed_checks_have_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed, working, young = (tmp_path / f"waypost-check-{name}" for name in ("killed", "working", "young"))
    for place in (killed, working, young):
        (place / "data").mkdir(parents=True)
    lock = try_lock(open_folder(working / "data"))
    assert lock is not None
    for place in (killed, working):
        os.utime(place, (0, 0))

    with scratch_folder():
        assert [place.exists() for place in (killed, working, young)] == [False, True, True]
    os.close(lock)


@dataclass
class Calendar:
    """A clock that is set by hand."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def _scheduled(shop: Shop, clock: Calendar) -> ScheduledBackups:
    async def make(folder: Path) -> None:
        await back_up(shop.settings(), folder, with_key=False, check=False, progress=ignore)

    return ScheduledBackups(shop.place / "all", make, checked=False, now=clock)


async def test_the_keeper_makes_one_backup_a_day_and_removes_old_and_unfinished_ones(shop: Shop) -> None:
    clock = Calendar()
    scheduled = _scheduled(shop, clock)
    assert await scheduled.make_due() == 1
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
    assert await scheduled.make_due() == 0
    clock.now += timedelta(hours=4)
    assert await scheduled.make_due() == 1

    assert len(scheduled.made()) == 9
    assert scheduled.newest() == clock.now
    assert not killed.exists()
    assert (others / "notes.txt").exists()


async def test_a_backup_that_cannot_be_restored_does_not_count(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # A scratch database on a disk without room, which the folder for temporary files decides.
    monkeypatch.setattr("tempfile.tempdir", "/proc")

    with pytest.raises(OSError):  # noqa: PT011 - of whatever kind
        await shop.back_up(check=True)

    with pytest.raises(BackupError, match="holds no finished backup"):
        manifest.read(shop.place / "backup")


async def test_the_keepers_backups_are_made_by_a_process_of_their_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYPOST_SECRET_KEY", KEY)
    scheduled = scheduled_backups(shop.settings(backup_dir=shop.place / "all", backup_key="off"))
    assert scheduled is not None

    assert await scheduled.make_due() == 1

    (folder,) = scheduled.made().values()
    assert manifest.read(folder).rows == await shop.rows()
    assert not manifest.read(folder).has_key


async def test_a_failed_backup_of_the_keeper_says_why(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_SECRET_KEY", KEY[::-1])
    scheduled = scheduled_backups(shop.settings(backup_dir=shop.place / "all", backup_key="on"))
    assert scheduled is not None

    with pytest.raises(BackupError, match=r"^The secret key is not the one that this database was made with"):
        await scheduled.make_due()

    assert list((shop.place / "all").iterdir()) == []


async def test_doctor_checks_the_age_of_the_newest_backup(shop: Shop) -> None:
    clock = Calendar()
    settings = shop.settings(backup_dir=shop.place / "all")
    assert backups(shop.settings(), NOON).state is Severity.WARNING
    assert backups(settings, NOON).state is Severity.WRONG
    await _scheduled(shop, clock).make_due()

    assert backups(settings, NOON + timedelta(hours=35)).state is Severity.FINE
    assert backups(settings, NOON + timedelta(hours=37)).state is Severity.WRONG
