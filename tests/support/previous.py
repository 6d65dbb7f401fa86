"""Runs the statements of the previous version on two schemas and reports different results."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from waypost.domain import ids
from waypost.store.statements import named

FILE = Path(__file__).resolve().parents[1] / "flow" / "previous_version.sql"
STATEMENTS = dict(named(FILE.read_text()))
LAST_MIGRATION = int(FILE.read_text().partition(".\n")[0].split()[-1])
TRIES = 12
OK = "ok"

NOW = datetime.now(UTC)
KNOWN = ids.make_id(int(NOW.timestamp() * 1000), 7, 1)
"""The id of every row of ``SEED``, so that every statement with an id finds a row."""
SEED = """
insert into account (id, email, name) values ('%s', 'a@shop.test', 'delivered');
insert into account_user (id, account, email, password_hash, role)
    values ('%s', '%s', 'a@shop.test', 'hash', 'owner');
insert into endpoint (id, account, url, version, trigger, ordering, secret)
    values ('%s', '%s', 'http://a.test/', 'V4', 'every_update', 'ordered', 'sealed');
insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state, created_at,
                      updated_at)
    values (7, '%s', '%s', 'delivered', 'delivered', 'delivered', 'delivered001', '', now(), now());
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering)
    values (7, '%s', '%s', '%s', '%s', 1, 'ordered');
insert into dispatcher (seen_at) values (now());
""".replace("%s", str(KNOWN))
"""Also valid in the previous version: a column that a migration requires in these rows fails here."""

# Words that columns with a check take, the commonest of them first.
_WORDS = ("delivered", "V4", "every_update", "ordered", "owner", "api", "user", "running", "all", "a@shop.test", "{}")
_POOLS: dict[str, tuple[Any, ...]] = {
    "uuid": (KNOWN, KNOWN, UUID(int=1)),
    "int2": (7,),  # the bucket that KNOWN holds: Waypost writes no row with another one
    "int4": (1, 7, 100),
    "int8": (1, 1000),
    "float8": (1.0,),
    "text": _WORDS,
    "varchar": _WORDS,
    "bytea": (bytes(32),),
    "bool": (True, False),
    "timestamptz": (NOW, NOW - timedelta(days=1)),
    "date": (NOW.date(), NOW.date(), date(2020, 1, 1)),
    "interval": (timedelta(hours=1),),
    "json": ("{}",),
    "jsonb": ("{}",),
}

_REPLACED = {"due_place": "due_head"}
"""Unique indexes, each with the previous version's that it replaced."""


async def differences(
    before: asyncpg.Connection, after: asyncpg.Connection, names: Iterable[str] = STATEMENTS
) -> dict[str, str]:
    """Return those of the named statements that end differently after than before, and how."""
    found = {}
    for name in names:
        text = STATEMENTS[name]
        try:
            prepared = await before.prepare(text)
            async with after.transaction():  # a savepoint, where the change is only rehearsed
                later = await after.prepare(text)
        except asyncpg.PostgresError as error:
            found[name] = str(error)
            continue
        if _shape(prepared) != _shape(later):
            found[name] = f"gives {_shape(later)} instead of {_shape(prepared)}"
            continue
        for arguments in _tries(name, prepared):
            was, now = await _end(before, text, arguments), await _end(after, text, arguments)
            if was != now:
                found[name] = f"ends with {now} instead of {was}"
                break
    return found


async def never_done(session: asyncpg.Connection) -> set[str]:
    """Return the statements that no try carries out, of which nothing but their shape is compared."""
    return {
        name
        for name, text in STATEMENTS.items()
        if OK not in [await _end(session, text, one) for one in _tries(name, await session.prepare(text))]
    }


async def _end(session: asyncpg.Connection, text: str, arguments: list[Any]) -> str:
    transaction = session.transaction()
    await transaction.start()
    try:
        await session.fetch(text, *arguments)
        await session.execute("set constraints all immediate")
    except asyncpg.PostgresError as error:
        broken = getattr(error, "column_name", "") or getattr(error, "constraint_name", "") or ""
        return f"{error.sqlstate} {_REPLACED.get(broken, broken)}"
    finally:
        await transaction.rollback()
    return OK


def _shape(prepared: Any) -> tuple[list[str], list[tuple[str, str]]]:
    parameters = [one.name for one in prepared.get_parameters()]
    return parameters, [(one.name, one.type.name) for one in prepared.get_attributes()]


def _tries(name: str, prepared: Any) -> list[list[Any]]:
    parameters = [one.name for one in prepared.get_parameters()]
    draws = [random.Random(f"{name} {number}") for number in range(TRIES)]
    return [[_value(kind, draw) for kind in parameters] for draw in draws]


def _value(kind: str, draw: random.Random) -> Any:
    if kind.endswith("[]"):
        return [_value(kind.removesuffix("[]"), draw)]
    return draw.choice(_POOLS[kind])
