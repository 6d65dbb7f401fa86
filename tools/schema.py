"""``make schema``: writes ``src/waypost/store/schema.sql``, as all migrations make it in an empty database."""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg

from tests.support.embedded import ignore, open_place, running
from waypost.store import migrating, schema

FILE: Final = Path(__file__).resolve().parents[1] / "src/waypost/store/schema.sql"
HEAD: Final = "-- What all migrations make, written by `make schema`. Day partitions are left out.\n\n"


async def write() -> None:
    """Migrate a PostgreSQL of its own and write what came of it."""
    with open_place() as place:
        async with running(place / "data") as server:
            session = await asyncpg.connect(server.dsn)
            await migrating.migrate(session, ignore)
            FILE.write_text(HEAD + await schema.dump(session), encoding="utf-8")
            await session.close()


if __name__ == "__main__":
    asyncio.run(write())
