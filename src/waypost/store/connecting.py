"""Opens a database whose URL somebody typed; errors are one sentence, without the password."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from waypost.domain.errors import OperatorError
from waypost.store.database import Access, Database
from waypost.store.trouble import TakesNoWrites, TimedOut

_SAYS_ENOUGH: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientPrivilegeError,
)


class CannotConnect(OperatorError):
    """The database can't be reached; the message is one sentence."""


async def open_database(access: Access) -> Database:
    """Connect to the database of a URL. Raise CannotConnect or UnsafeServer."""
    try:
        return await Database.open(access)
    except _SAYS_ENOUGH as error:
        raise CannotConnect(f"The database rejected the connection: {error}.") from None
    except (TakesNoWrites, asyncpg.TargetServerAttributeNotMatched, asyncpg.ReadOnlySQLTransactionError):
        raise CannotConnect(
            "The database accepts no writes: it is a standby, read-only, or was moved elsewhere. Name all hosts of the"
            " cluster in WAYPOST_DATABASE_URL (postgresql://user:password@host1,host2/database), and the primary is"
            " found."
        ) from None
    except TimedOut:
        raise CannotConnect("The database did not respond in time: check WAYPOST_DATABASE_URL.") from None
    except OSError as error:
        reason = error.strerror or "it can't be reached"
        advice = "check WAYPOST_DATABASE_URL and that it runs."
        raise CannotConnect(f"The database can't be reached ({reason}): {advice}") from None
    except (asyncpg.InterfaceError, ValueError):
        # Their texts may contain parts of the URL, including the password.
        raise CannotConnect(
            "WAYPOST_DATABASE_URL can't be read: it looks like postgresql://user:password@host:5432/database, and"
            " special characters of the password are written as %XX."
        ) from None


@asynccontextmanager
async def opened_database(access: Access) -> AsyncIterator[Database]:
    """Yield the database of a URL, and close it at the end. Raise CannotConnect or UnsafeServer."""
    database = await open_database(access)
    try:
        yield database
    finally:
        await database.close()
