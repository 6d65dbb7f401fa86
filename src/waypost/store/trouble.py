"""The errors that mean that the database can't be used now: one list for everybody who has to wait for it."""

from enum import StrEnum
from typing import Final

from asyncpg import (
    DeadlockDetectedError,
    InsufficientResourcesError,
    InternalClientError,
    PostgresConnectionError,
    PostgresSystemError,
    ReadOnlySQLTransactionError,
    SerializationError,
    TargetServerAttributeNotMatched,
    TooManyConnectionsError,
)
from asyncpg.exceptions import DiskFullError, OperatorInterventionError, QueryCanceledError


class Unreachable(ConnectionError):
    """No connection to PostgreSQL can be made; the cause says why."""


class TimedOut(ConnectionError):
    """PostgreSQL did not answer within the time limit, or no connection became free."""


class TakesNoWrites(ConnectionError):
    """PostgreSQL answers, but as a standby or read-only."""


class RegisteredMeanwhile(Exception):
    """Another transaction has registered a tracking since this one looked for it. A repetition finds it."""


REPEATABLE: Final = (DeadlockDetectedError, RegisteredMeanwhile, SerializationError)
"""The errors of a transaction that can simply be run again."""

LOST: Final = (
    ConnectionError,
    InsufficientResourcesError,  # a full disk, too many connections, no memory
    InternalClientError,  # a connection that broke off in the middle; no host that takes writes
    OperatorInterventionError,
    PostgresConnectionError,
    PostgresSystemError,
    QueryCanceledError,
    ReadOnlySQLTransactionError,
)
"""The errors raised when PostgreSQL can't be used; whether a commit in progress took place is unknown.

Whatever keeps a connection from being made is raised as ``Unreachable``, which is a ConnectionError: an OSError may as
well come from a file that has nothing to do with PostgreSQL. So is the driver's InterfaceError when the connection is
gone. Otherwise it is not an outage: a statement with the wrong arguments fails each time that it is repeated, as does
one with a value that PostgreSQL can't take (``DataError``).
"""

NO_OUTAGE: Final = (QueryCanceledError,)
"""Those of them that may be one statement's own fault: the time that it took."""


class DatabaseTrouble(StrEnum):
    """Why the database can't be used, as logs and metrics name it."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    TOO_MANY_CONNECTIONS = "too_many_connections"


OF_GOOD_SESSIONS: Final = frozenset({DatabaseTrouble.DISK_FULL, DatabaseTrouble.TOO_MANY_CONNECTIONS})
"""Troubles during which existing sessions can still be used."""

_KINDS: Final[tuple[tuple[DatabaseTrouble, tuple[type[BaseException], ...]], ...]] = (
    (DatabaseTrouble.DISK_FULL, (DiskFullError,)),
    (DatabaseTrouble.TOO_MANY_CONNECTIONS, (TooManyConnectionsError,)),
    (DatabaseTrouble.READ_ONLY, (ReadOnlySQLTransactionError, TargetServerAttributeNotMatched, TakesNoWrites)),
    (DatabaseTrouble.TIMED_OUT, (TimedOut, TimeoutError)),
)

SENTENCES: Final = {
    DatabaseTrouble.UNREACHABLE: "The database can't be reached.",
    DatabaseTrouble.TIMED_OUT: "The database does not answer.",
    DatabaseTrouble.READ_ONLY: "The database accepts no writes: it is a standby, or read-only.",
    DatabaseTrouble.DISK_FULL: "The database's disk is full.",
    DatabaseTrouble.TOO_MANY_CONNECTIONS: "The database has too many connections: see max_connections.",
}
"""The sentences of ``/health/ready``."""


def trouble_of(error: BaseException) -> DatabaseTrouble:
    """Return which trouble an error of ``LOST`` means; in a chain of errors, the first specific one."""
    told: BaseException | None = error
    while told is not None:
        for trouble, kinds in _KINDS:
            if isinstance(told, kinds):
                return trouble
        told = told.__cause__ or told.__context__
    return DatabaseTrouble.UNREACHABLE
