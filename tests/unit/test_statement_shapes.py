"""Every named statement has a shape that a server accepts which routes statements to the node of their schema.

On a plain PostgreSQL they cost nothing. What is refused there, or does the wrong thing:

1. INSERT … SELECT that reads a table of the schema itself: a materialized CTE reads, the INSERT selects from that.
2. ``now()`` beside a column in what an UPDATE sets; ``now()`` within CASE, RETURNING or ON CONFLICT DO UPDATE:
   ``excluded``, ``(select now())`` or a CTE takes its place.
3. Advisory locks, ``pg_locks`` and ``pg_postmaster_start_time()`` in one statement with a table.
4. A table without a log, and one DROP of several objects, in migrations.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from waypost.store import schema
from waypost.store.migration_files import migrations
from waypost.store.statements import TEXTS

SCHEMA = Path(schema.__file__).with_name("schema.sql").read_text()
TABLES = frozenset(re.findall(r"^create table (\w+) ", SCHEMA, re.MULTILINE))
COLUMNS = frozenset(re.findall(r"^    (?!constraint )(\w+) ", SCHEMA, re.MULTILINE))
OF_THE_SERVER = re.compile(r"\b(pg_(?:try_)?advisory_\w+|pg_locks|pg_postmaster_start_time)\b")
NOW = re.compile(r"\bnow\(\)")


def _plain(text: str) -> str:
    """Return a statement without comments and texts, with single spaces; ``(select now())`` is a value like another."""
    text = re.sub(r"--[^\n]*", " ", text)
    text = re.sub(r"'(?:[^']|'')*'", "''", text)
    return re.sub(r"\s+", " ", text).replace("(select now())", "$0").strip()


def _until(text: str, *words: str) -> str:
    """Return the text before the first of these words, or a closing parenthesis, outside all parentheses."""
    depth = 0
    for token in re.finditer(r"\w+|.", text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth < 0 or (not depth and token[0] in words):
            return text[: token.start()]
    return text


def _assignments(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and not depth:
            yield text[start:place].partition("=")[2]
            start = place + 1
    yield text[start:].partition("=")[2]


def _reads_itself(text: str) -> bool:
    for insert in re.finditer(r"\binsert into \w+[^()]*\([^()]*\) select ", text):
        source = re.search(r"\bfrom (\w+)", _until(text[insert.end() :]))
        if source and source[1] in TABLES - set(re.findall(r"(\w+)(?: \([\w, ]+\))? as (?:materialized )?\(", text)):
            return True
    return False


def _now_beside_a_column(text: str) -> bool:
    changes = [_until(text[found.end() :], "where", "from", "returning") for found in re.finditer(r"\bset ", text)]
    return any(
        NOW.search(value) and COLUMNS & set(re.findall(r"\w+", value))
        for change in changes
        for value in _assignments(change)
    )


def _now_where_it_is_refused(text: str) -> bool:
    if not re.search(r"\b(insert into|update|delete from) \w+", text):
        return False
    cases = [found[0] for found in re.finditer(r"\bcase\b.*?\bend\b", text)]
    returned = [_until(text[found.end() :]) for found in re.finditer(r"\breturning ", text)]
    conflicts = [_until(text[found.end() :]) for found in re.finditer(r"\bdo update set ", text)]
    return any(NOW.search(part) for part in (*cases, *returned, *conflicts))


def _asks_the_server_beside_a_table(text: str) -> bool:
    return bool(OF_THE_SERVER.search(text)) and bool(
        TABLES & set(re.findall(r"\b(?:from|join|into|update) (\w+)", text))
    )


SHAPES = {
    "INSERT reads a table of the schema without a materialized CTE": _reads_itself,
    "now() beside a column in UPDATE": _now_beside_a_column,
    "now() in CASE, RETURNING or ON CONFLICT": _now_where_it_is_refused,
    "the server's own state beside a table": _asks_the_server_beside_a_table,
}


def _faults(text: str) -> list[str]:
    return [shape for shape, is_so in SHAPES.items() if is_so(_plain(text))]


def test_no_statement_has_a_shape_that_a_distributed_schema_rejects() -> None:
    assert {name: faults for name, text in TEXTS.items() if (faults := _faults(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "insert into due (id) select e.id from endpoint e where e.deleted_at is null",
        "with a as (select 1) insert into due (id) select e.id from endpoint e cross join a",
        "update watch set next_poll_at = greatest(next_poll_at, now())",
        "update watch w set next_poll_at = now() + n.wait * unchanged from unnest($1) as n (wait) where true",
        "update endpoint set off_since = case when enabled then now() end",
        "insert into due (id) values ($1) on conflict do update set next_at = now()",
        "delete from web_session returning expires_at > now()",
        "insert into dispatcher (number) values ($1) returning pg_try_advisory_lock(1, number)",
        "select number from dispatcher where exists (select from pg_locks)",
    ],
)
def test_each_forbidden_shape_is_detected(text: str) -> None:
    assert _faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "with e as materialized (select id from endpoint) insert into due (id) select id from e",
        "insert into due (id) select id from unnest($1::uuid[]) as n (id)",
        "update due set next_at = now(), leased_until = now() + $2::interval where id = $1",
        "update endpoint set off_since = case when enabled then (select now()) end",
        "insert into due (id, next_at) values ($1, now()) on conflict do update set next_at = excluded.next_at",
        "select count(*) from web_session where expires_at > now() and data <> 'returning now()'",
        "select pg_try_advisory_lock(1, $1)",
    ],
)
def test_allowed_shapes_are_not_reported(text: str) -> None:
    assert _faults(text) == []


def test_no_table_is_unlogged() -> None:
    assert "unlogged" not in SCHEMA


def test_migrations_drop_one_object_at_a_time() -> None:
    statements = [_plain(one) for migration in migrations() for one in migration.statements]

    assert [one for one in statements if one.startswith("drop ") and "," in one] == []
