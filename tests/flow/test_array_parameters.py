"""Arrays reach PostgreSQL unchanged, and no connection has to look their types up."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from waypost.store import intake_rows, settling
from waypost.store.array_parameters import cast_positions, declared, sent
from waypost.store.database import Database
from waypost.store.statements import TEXTS, Copied

COPIES = (intake_rows.EVENTS, intake_rows.DELIVERIES, settling.ATTEMPTS)
KNOWN = {"text[]", "oid[]"}
"""Of the driver itself."""
VALUES: dict[str, list[Any]] = {
    "smallint": [0, 255, 32_767, None],
    "integer": [0, -1, 2**31 - 1, -(2**31), None],
    "bigint": [2**63 - 1, -(2**63), None],
    "boolean": [True, False, None],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1), None],
    "bytea": [b"", b"\x00\xff\\x00", b'{"}', None],
    "date": [date(1, 1, 1), date(2026, 11, 30), date(9999, 12, 30), None],
    "timestamptz": [
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(2026, 7, 5, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 7, 5, 12, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC),
        None,
    ],
    "interval": [timedelta(0), timedelta(days=3, microseconds=1), timedelta(seconds=-1), None],
    "text": ["", "NULL", '{"a",\\}', "a,b", "\u2019\U0001f600", None],
}


def selected(copied: Copied) -> str:
    return f"select {', '.join(copied.columns)} from {copied.table} limit 1"  # noqa: S608 - as the driver asks for their types


async def test_a_new_connection_reads_no_types_for_any_statement(database: Database) -> None:
    asked: list[str] = []
    unknown = {}
    async with database.unhurried() as session:
        with session.query_logger(lambda query: asked.append(query.query)):
            for name, text in {**TEXTS, **{one.table: selected(one) for one in COPIES}}.items():
                prepared = await session.prepare(text)
                types = {*prepared.get_parameters(), *(one.type for one in prepared.get_attributes())}
                if arrays := {one.name for one in types if one.kind == "array"} - KNOWN:
                    unknown[name] = arrays

    assert unknown == {}
    assert asked == []


@pytest.mark.parametrize("kind", sorted(VALUES))
async def test_an_array_arrives_as_it_was_passed(database: Database, kind: str) -> None:
    text = f"select value from unnest($1::{kind}[]) with ordinality as n (value, place) order by place"  # noqa: S608 - our types

    for values in (VALUES[kind], [], None):
        rows = await database.engine.fetch(declared(text), *sent([values], cast_positions(text)))
        assert [row["value"] for row in rows] == (values or [])


@pytest.mark.parametrize("name", ["scout", "claim_by_hand", "settle", "suspects"])
async def test_buckets_are_only_relabelled_because_plans_compare_them_with_every_row(
    database: Database, name: str
) -> None:
    async with database.engine.acquire() as session:
        given = ", ".join(["null"] * len((await session.prepare(TEXTS[name])).get_parameters()))
        await session.execute("prepare asked as " + TEXTS[name])
        plan = "\n".join(row[0] for row in await session.fetch(f"explain execute asked ({given})"))
        await session.execute("deallocate asked")

    assert "bucket = ANY (($1)::integer[])" in plan, plan
