"""A database on virtual time for each file of seeds."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.simulation.clock import VirtualServer, virtual_server
from waypost.dispatch import recorder
from waypost.intake import collector


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(server_dsn: str) -> AsyncIterator[VirtualServer]:
    async with virtual_server(server_dsn) as made:
        yield made


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare what waits on a real clock."""
    monkeypatch.setattr(recorder, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(collector, "LINGER_SECONDS", 0)
