"""``waypost migrate``: migrate the database to this version."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from waypost.app.storage import NotMigrated, bring_up_to_date, count_pending, reached_storage
from waypost.cli.options import DatabaseUrl, DataDir, chosen, progress


def migrate(
    *,
    check: Annotated[bool, Parameter(negative="", help="Change nothing; fail if migrations are pending.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Migrate the database to this version. `serve` does this automatically for its embedded PostgreSQL."""
    settings = chosen(data_dir=data_dir, database_url=database_url)

    async def work() -> None:
        async with reached_storage(settings, progress, create=not check) as storage:
            if check:
                if pending := await count_pending(storage.database):
                    raise NotMigrated(f"{pending} migrations are pending: run `waypost migrate`.")
            elif await bring_up_to_date(storage.database, progress):
                return
            progress("The database is up to date.")

    asyncio.run(work())
