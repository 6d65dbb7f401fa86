"""What the tests of running servers share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.embedded import open_place, running
from tests.support.ledger import Ledger, keeping_ledger
from tests.support.serving import Serving, copy_ready_data, serving


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with keeping_ledger() as ledger:
        yield ledger


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Serving]:
    """Run one server for all tests of commands that need one; each file has accounts of its own in it."""
    with serving() as server:
        server.start()
        yield server


@pytest.fixture
async def migrated_url() -> AsyncIterator[str]:
    """Yield the URL of a separate migrated database."""
    with open_place() as place:
        async with running(copy_ready_data(place / "data")) as server:
            yield server.dsn
