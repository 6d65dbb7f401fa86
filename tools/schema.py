"""``make schema``: writes ``src/waypost/store/schema.sql``, the schema after all migrations of an empty database.

``make release-statements`` writes the statements of this version for the tests of the next one, whose migrations must
leave them working.
"""

import asyncio
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Final

import asyncpg

import waypost.store
from tests.support.embedded import ignore, open_place, running
from waypost.store import migrating, schema
from waypost.store.migration_files import migrations
from waypost.store.statements import TEXTS, Copied

ROOT: Final = Path(__file__).resolve().parents[1]
SCHEMA: Final = ROOT / "src/waypost/store/schema.sql"
PREVIOUS: Final = ROOT / "tests/flow/previous_version.sql"
HEAD: Final = "-- What all migrations make, written by `make schema`. Day partitions are left out.\n\n"


async def write_schema() -> None:
    """Migrate a temporary PostgreSQL and write its schema."""
    with open_place() as place:
        async with running(place / "data") as server:
            session = await asyncpg.connect(server.dsn)
            await migrating.migrate(session, ignore)
            SCHEMA.write_text(HEAD + await schema.dump(session), encoding="utf-8")
            await session.close()


def write_statements() -> None:
    """Write every statement of this version. A COPY is written as the INSERT of one row."""
    head = f"-- The statements of the version whose last migration is {migrations()[-1].number:04d}.\n"
    texts = {**TEXTS, **{f"copy_{copied.table}": _insert(copied) for copied in _copies()}}
    PREVIOUS.write_text(
        head + "".join(f"\n-- name: {name}\n{text}\n" for name, text in sorted(texts.items())), encoding="utf-8"
    )


def _copies() -> list[Copied]:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(waypost.store.__path__, f"{waypost.store.__name__}.")
        if not found.ispkg
    ]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Copied)]


def _insert(copied: Copied) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(copied.columns) + 1))
    return f"insert into {copied.table} ({', '.join(copied.columns)}) values ({places})"


if __name__ == "__main__":
    if sys.argv[1:] == ["release"]:
        write_statements()
    else:
        asyncio.run(write_schema())
