"""Where a running server of a data directory can be reached, and whether it responds."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlencode

import asyncpg

from waypost.store.embedded.errors import EmbeddedPostgresError

SUPERUSER = "waypost"
DATABASE = "waypost"
PORT = 5432
_ANSWER_SECONDS = 5.0


class ServerState(StrEnum):
    """What a query to a server showed."""

    READY = "ready"
    NO_DATABASE = "no_database"
    NOT_NOW = "not_now"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Everything that a client needs to connect; `dsn` returns it as one text."""

    socket_folder: Path
    password: str = field(repr=False)
    user: str = SUPERUSER
    database: str = DATABASE
    port: int = PORT

    @property
    def dsn(self) -> str:
        """The connection URL; it contains the password and overrides PG* variables."""
        return self._dsn(self.database)

    @property
    def maintenance_dsn(self) -> str:
        """The URL of the database that every cluster has."""
        return self._dsn("postgres")

    def _dsn(self, database: str) -> str:
        place = urlencode({"host": self.socket_folder, "port": self.port, "sslmode": "disable"})
        return f"postgresql://{self.user}:{quote(self.password, safe='')}@/{database}?{place}"


async def ask(address: ServerAddress) -> ServerState:
    """Return whether a query is answered at this address.

    Raise EmbeddedPostgresError if the server there rejects our password.
    """
    try:
        connection = await asyncpg.connect(address.dsn, timeout=_ANSWER_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        return ServerState.NO_DATABASE
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise EmbeddedPostgresError(
            "PostgreSQL rejects the password in postgres.password: bring back the one that belongs to this data"
        ) from None
    except (FileNotFoundError, ConnectionRefusedError):
        return ServerState.NOBODY
    except PermissionError:
        raise EmbeddedPostgresError(
            f"The socket in {address.socket_folder} belongs to another user: "
            f"run this as the user that runs waypost serve, or as root"
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return ServerState.NOT_NOW
    try:
        await connection.fetchval("select 1", timeout=_ANSWER_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return ServerState.NOT_NOW
    finally:
        connection.terminate()
    return ServerState.READY


async def make_database(address: ServerAddress) -> None:
    """Create the database of this address if it does not exist."""
    connection = await asyncpg.connect(address.maintenance_dsn, timeout=_ANSWER_SECONDS)
    try:
        await connection.execute(f'create database "{DATABASE}"')
    except asyncpg.DuplicateDatabaseError:
        return
    finally:
        await connection.close()
