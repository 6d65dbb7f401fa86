"""Databases from before the squash: sixteen migrations made what ``0001`` makes now.

Such a database is recorded as having ``0001`` if its schema is the same.
"""

from difflib import unified_diff
from itertools import islice
from typing import Final

import asyncpg

from waypost.store import schema
from waypost.store.migration_files import Migration, MigrationError
from waypost.store.statements import Session, execute, fetch

_FIRST: Final = "foundation"
_NUMBERS: Final = list(range(1, 17))
_REFERENCE: Final = "waypost_reference"
"""A temporary schema to compare with, which exists within a transaction only."""


def is_squashed(applied: dict[int, str]) -> bool:
    """Return whether migrations, number to name, are those from before the squash."""
    return applied.get(1) == _FIRST


async def adopt(session: Session, applied: dict[int, str], first: Migration) -> None:
    """Record ``first`` in place of the sixteen. Raise MigrationError, and change nothing, if the schemas differ."""
    if sorted(applied) != _NUMBERS:
        raise MigrationError(
            f"The database has {len(applied)} of the 16 migrations of an earlier version: bring it up to date with"
            " the last version that has all of them, then migrate again."
        )
    async with session.transaction():
        for check in await fetch(session, "unvalidated_checks"):
            await session.execute(f'alter table "{check["relname"]}" validate constraint "{check["conname"]}"')
        found, expected = await schema.dump(session), await _made_by(session, first)
        if found != expected:
            raise MigrationError(
                "The database's schema is not the one that its 16 migrations made, so it can't be migrated further."
                f" The first difference: {_first_difference(expected, found)}"
            )
        await execute(session, "forget_migrations")
        await execute(session, "record_migration", first.number, first.name, first.checksum)


async def _made_by(session: Session, migration: Migration) -> str:
    """Return the schema that a migration makes, tried out in a temporary schema and rolled back."""
    trial = session.transaction()
    await trial.start()
    try:
        await session.execute(f"create schema {_REFERENCE}")
        await session.execute(f"set local search_path = {_REFERENCE}")
        for statement in migration.statements:
            await session.execute(statement)
        return await schema.dump(session)
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationError(
            "To migrate a database of an earlier version, its user needs the right to create schemas in it"
            " (`grant create on database … to …`)."
        ) from None
    finally:
        await trial.rollback()


def _first_difference(expected: str, found: str) -> str:
    lines = islice(unified_diff(expected.splitlines(), found.splitlines(), lineterm="", n=0), 3, None)
    return next((f"{'lacks' if line[0] == '-' else 'has'} `{line[1:].strip()}`" for line in lines), "unknown")
