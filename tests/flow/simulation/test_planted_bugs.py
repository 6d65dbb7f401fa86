"""The simulation detects bugs: every planted one breaks a promise in one of a few seeds."""

import pytest

from tests.flow.simulation.bugs import BUGS
from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.seeds import first_broken

MOST_SEEDS = 240


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("bug", BUGS)
async def test_every_planted_bug_is_detected(server: VirtualServer, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    plant, trouble = BUGS[bug]
    plant(monkeypatch)

    assert await first_broken(server, trouble, range(MOST_SEEDS)) is not None
