"""How often the embedded PostgreSQL looks for tables to vacuum: often while rows come and go, rarely at rest.

Each look starts a process that reads the whole catalogue, about 10 ms of processor time. At one in five seconds, those
would be half of what an idle installation uses. The setting is not on the command line, because that can't be changed.
"""

from enum import StrEnum
from typing import Final

from waypost.store.statements import Session


class VacuumPace(StrEnum):
    """How often autovacuum looks at a database."""

    OFTEN = "5s"
    """The queue is a table of short-lived rows, and finding the next ones must stay cheap."""
    RARELY = "1min"


_STATEMENTS: Final = {
    VacuumPace.OFTEN: "alter system set autovacuum_naptime = '5s'",
    VacuumPace.RARELY: "alter system set autovacuum_naptime = '1min'",
}


async def set_pace(session: Session, pace: VacuumPace) -> None:
    """Set how often autovacuum looks, unless it is set so; it applies within a moment."""
    if await session.fetchval("show autovacuum_naptime") != pace:
        await session.execute(_STATEMENTS[pace])
        await session.execute("select pg_reload_conf()")
