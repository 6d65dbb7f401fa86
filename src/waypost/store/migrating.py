"""Numbered SQL migrations, each applied once, in one transaction, under an advisory lock."""

import re
from collections.abc import Callable
from hashlib import sha256
from importlib import resources
from typing import Final

import msgspec

from waypost.store.statements import Session

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_LOCK: Final = 0x7761_7970
"""The key of the advisory lock under which migrations run ("wayp")."""


class Migration(msgspec.Struct, frozen=True):
    """One file of ``store/migrations``."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text: an applied migration must never change."""
        return sha256(self.text.encode()).digest()


class MigrationError(Exception):
    """The database and this program's migrations do not fit together; says how."""


def migrations() -> list[Migration]:
    """Give this program's migrations in their order; MigrationError when a number is missing or stands twice."""
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in resources.files(__package__).joinpath("migrations").iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("The numbers of store/migrations/*.sql must run from 0001 without a gap.")
    return found


async def pending(session: Session) -> list[Migration]:
    """Give the migrations that the database still lacks; MigrationError when it is newer or was changed."""
    await session.execute(
        "create table if not exists migration (number integer primary key, name text not null,"
        " checksum bytea not null, applied_at timestamptz not null default now())"
    )
    applied = {row["number"]: row for row in await session.fetch("select number, name, checksum from migration")}
    known = migrations()
    newer = sorted(set(applied) - {migration.number for migration in known})
    if newer:
        message = f"The database has migration {newer[0]:04d}, which this program does not know: upgrade the program."
        raise MigrationError(message)
    for migration in known:
        row = applied.get(migration.number)
        if row is not None and bytes(row["checksum"]) != migration.checksum:
            message = f"Migration {migration.number:04d} was applied with another text: restore the original file."
            raise MigrationError(message)
    return [migration for migration in known if migration.number not in applied]


async def migrate(session: Session, progress: Callable[[str], None]) -> int:
    """Bring the database up to date and give how many migrations were applied. Two at once wait for each other."""
    await session.execute("select pg_advisory_lock($1)", _LOCK)
    try:
        todo = await pending(session)
        for migration in todo:
            progress(f"migration {migration.number:04d} {migration.name}")
            async with session.transaction():
                await session.execute(migration.text)
                await session.execute(
                    "insert into migration (number, name, checksum) values ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
    finally:
        await session.execute("select pg_advisory_unlock($1)", _LOCK)
    return len(todo)
