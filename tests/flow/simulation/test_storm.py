"""Processes die, pause past their leases and lose PostgreSQL mid-commit: order and every delivery survive."""

import pytest

from tests.conftest import Judge
from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.seeds import run_seeds
from tests.flow.simulation.trouble import STORMY
from tests.support.faults import Tally

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_with_faults_only_explained_deliveries_are_sent_twice(server: VirtualServer) -> None:
    await run_seeds(server, STORMY, range(75), __file__)


@pytest.mark.faults
async def test_with_faults_every_promise_is_kept_in_thousands_of_seeds(server: VirtualServer, judged: Judge) -> None:
    days, deliveries = await run_seeds(server, STORMY, range(1_000, 4_000), __file__)

    fault, target = "F3 simulation, seeds in a storm", "every promise kept"
    judged(Tally(fault, 3_000, deliveries, 0, 0, 0, 0, target, f"{days:,.0f} virtual days"))
