"""Receivers fail, hang, ask for a wait and disappear, but no process does: then nothing is ever sent twice."""

import pytest

from tests.conftest import Judge
from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.seeds import run_seeds
from tests.flow.simulation.trouble import CALM, OUTAGE
from tests.support.faults import Tally

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_without_faults_every_promise_is_kept_and_nothing_is_sent_twice(server: VirtualServer) -> None:
    await run_seeds(server, CALM, range(75), __file__)


async def test_a_failing_endpoint_is_probed_with_one_attempt_at_a_time(server: VirtualServer) -> None:
    await run_seeds(server, OUTAGE, range(2), __file__)


@pytest.mark.faults
async def test_without_faults_every_promise_is_kept_in_thousands_of_seeds(server: VirtualServer, judged: Judge) -> None:
    days, deliveries = await run_seeds(server, CALM, range(1_000, 4_000), __file__)

    fault, target = "F3 simulation, seeds without faults", "every promise kept"
    judged(Tally(fault, 3_000, deliveries, 0, 0, 0, 0, target, f"{days:,.0f} virtual days"))
