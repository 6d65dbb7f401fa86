"""The PostgreSQL of the run and a database for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.api import Api, Caller, serving_api
from tests.support.databases import fresh, make_template
from tests.support.embedded import ignore, open_place
from waypost.store.database import Database
from waypost.store.embedded.server import EmbeddedPostgres


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server_dsn() -> AsyncIterator[str]:
    with open_place() as place:
        server = await EmbeddedPostgres.start(place / "data", pg_bin=None, progress=ignore)
        await make_template(server.dsn)
        yield server.dsn
        await server.stop()


@pytest.fixture
async def database(server_dsn: str) -> AsyncIterator[Database]:
    async with fresh(server_dsn) as made:
        yield made


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()
