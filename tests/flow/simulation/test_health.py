"""Endpoints fail for days: owners are notified, hopeless ones are announced, disabled, tested and enabled again."""

import pytest

from tests.conftest import Judge
from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.health_bugs import BUGS, SLOW
from tests.flow.simulation.seeds import first_broken, run_seeds
from tests.flow.simulation.trouble import STORMY_WEEKS, WEEKS, Trouble
from tests.flow.simulation.weeks import Weeks
from tests.support.faults import Tally

pytestmark = pytest.mark.asyncio(loop_scope="module")

TELLING = (24, 22, 2, 25, 17)
"""Seeds in which endpoints are disabled and enabled again, the quick ones first."""

_MARKED = [pytest.param(bug, marks=[pytest.mark.faults] if bug in SLOW else []) for bug in BUGS]


async def test_owners_are_notified_and_nothing_is_disabled_or_enabled_against_the_rules(server: VirtualServer) -> None:
    await run_seeds(server, WEEKS, TELLING[:2], __file__, Weeks)


async def test_dying_dispatchers_and_senders_change_nothing_of_it(server: VirtualServer) -> None:
    await run_seeds(server, STORMY_WEEKS, TELLING[2:3], __file__, Weeks)


@pytest.mark.parametrize("bug", _MARKED)
async def test_every_planted_bug_is_detected(server: VirtualServer, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    BUGS[bug](monkeypatch)

    assert await first_broken(server, WEEKS, (*TELLING, *range(1_000)), Weeks) is not None


@pytest.mark.faults
@pytest.mark.parametrize("trouble", [WEEKS, STORMY_WEEKS], ids=["calm", "stormy"])
async def test_health_is_judged_by_the_rules_in_many_seeds(
    server: VirtualServer, judged: Judge, trouble: Trouble
) -> None:
    days, deliveries = await run_seeds(server, trouble, range(1_000, 1_500), __file__, Weeks)

    fault, target = "F3 simulation, weeks of health", "every promise kept"
    judged(Tally(fault, 500, deliveries, 0, 0, 0, 0, target, f"{days:,.0f} virtual days"))
