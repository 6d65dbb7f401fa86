"""A test gets a database identical to a copy of the template, even if another test has used it."""

import pytest

from tests.support.databases import add_account, add_endpoint, fresh

NAME = "select current_database()"


async def test_a_used_database_is_reused_with_empty_tables(server_dsn: str) -> None:
    async with fresh(server_dsn) as database:
        used = await database.serving.fetchval(NAME)
        await add_endpoint(database, await add_account(database))

    async with fresh(server_dsn) as database:
        assert await database.serving.fetchval(NAME) == used
        assert await database.serving.fetchval("select count(*) from account") == 0
        assert await database.serving.fetchval("select count(*) from endpoint") == 0
        assert await database.serving.fetchval("select count(*) from migration") > 0


@pytest.mark.parametrize(
    "change",
    [
        "create table further ()",
        "alter table account add further text",
        "alter table endpoint disable trigger all; alter table audit_entry disable trigger all",
        "drop index tracking_number",
        "create schema further",
        "update migration set name = 'another'",
        "analyze account",
    ],
)
async def test_a_database_with_a_changed_schema_is_not_reused(server_dsn: str, change: str) -> None:
    async with fresh(server_dsn) as database:
        used = await database.serving.fetchval(NAME)
        await add_account(database)
        await database.holding.execute(change)

    async with fresh(server_dsn) as database:
        assert await database.serving.fetchval(NAME) != used
