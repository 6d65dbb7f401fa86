"""Three hundred of a thousand endpoints fail together and recover together (F18)."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from tests.conftest import Judge
from tests.flow.crowd import ACCOUNTS, ENDPOINTS, Crowd, number_of, way_to_many
from tests.flow.test_dispatch import Way, running
from tests.support.faults import Tally
from tests.support.receiver import OK, Received, Receiver, answering, receiving
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.retry import Policy
from waypost.store.database import Database

DEAD = 300
PER_SECOND = 5
"""The rate limit of the endpoints that fail."""

QUICK = Policy(base_seconds=3)
"""The schedule, ten times as fast: pauses of an open breaker grow from half a second to six."""

PARCELS = OPENS_AFTER + 5
WINDOW_SECONDS = 0.5
DOWN_SECONDS = 30.0
TARGET = "lost 0; peak of the return at most twice its mean; none over its rate limit"
_LIMIT = "update endpoint set rate_limit_per_second = $2 where id = any ($1)"
_STARTS = """
select endpoint, array_agg(extract(epoch from a.started_at)::float8 order by a.started_at) as at
from attempt a join settled s on s.id = a.delivery and s.bucket = a.bucket
where endpoint = any ($1::uuid[]) group by endpoint
"""

pytestmark = [pytest.mark.faults, pytest.mark.alone]


@dataclass
class Farm:
    """What the receiver of all answers: while it is ``down`` some paths take nothing. ``taken`` is what was taken."""

    receiver: Receiver = field(init=False)
    dead: frozenset[str] = frozenset(f"/hook/{number}" for number in range(DEAD))
    down: bool = True
    taken: list[Received] = field(default_factory=list)

    def answer(self, _number: int) -> bytes:
        request = self.receiver.requests[-1]
        if self.down and request.path in self.dead:
            return answering(503)
        self.taken.append(request)
        return OK

    async def takes(self, count: int) -> None:
        """Wait until this number of deliveries was accepted."""
        await self.receiver.until(lambda: len(self.taken) >= count, timeout=300)

    def returned(self, since: float) -> list[Received]:
        return [request for request in self.taken if request.path in self.dead and request.at >= since]


async def until_all_are_left_alone(way: Way) -> None:
    async with asyncio.timeout(120):
        while sum(way.dispatcher.measures().breakers.values()) < DEAD:
            await way.database.serving.fetchval("select 1")


def peak_against_mean(moments: Iterable[float]) -> float:
    """Return the ratio of the fullest window to the mean one, between the first and the last webhook."""
    ordered = sorted(moments)
    windows = Counter(int((moment - ordered[0]) / WINDOW_SECONDS) for moment in ordered)
    return max(windows.values()) * (max(windows) + 1) / len(ordered)


async def over_the_limit(database: Database, endpoints: list[UUID]) -> int:
    """Count the endpoints at which more attempts began within a second than their limit and one more."""
    rows = await database.serving.fetch(_STARTS, endpoints)
    assert len(rows) == len(endpoints)
    pairs = [zip(row["at"], row["at"][PER_SECOND + 1 :], strict=False) for row in rows]
    return sum(any(later - earlier < 1 for earlier, later in pair) for pair in pairs)


async def die_and_come_back(way: Way, crowd: Crowd, farm: Farm) -> float:
    """Report while some are dead, until all those are left alone, let them come back; gives when that was."""
    for _ in range(PARCELS):
        await crowd.report(way, crowd.accounts)
    await until_all_are_left_alone(way)
    await farm.takes(PARCELS * (ACCOUNTS * ENDPOINTS - DEAD))
    with suppress(TimeoutError):
        async with asyncio.timeout(DOWN_SECONDS):
            await asyncio.Event().wait()
    farm.down = False
    back = asyncio.get_running_loop().time()
    await farm.takes(len(crowd.expected()))
    return back


async def test_endpoints_that_fail_and_recover_together_are_not_flooded(database: Database, judged: Judge) -> None:
    farm = Farm()
    async with receiving(farm.answer) as farm.receiver:
        crowd = Crowd(database, farm.receiver)
        await crowd.gather(lambda number: f"{farm.receiver.url}/{number}")
        limited = [crowd.endpoints[path] for path in sorted(farm.dead)]
        await database.serving.execute(_LIMIT, limited, PER_SECOND)
        async with running(way_to_many(database, QUICK)) as way:
            back = await die_and_come_back(way, crowd, farm)

    returned = farm.returned(back)
    firsts = {one.path: one.at for one in reversed(returned)}
    came = Counter((one.path, number_of(one)) for one in farm.taken)
    expected = crowd.expected()
    counted = (len(expected), len(expected - set(came)), came.total() - len(came), came.total() - len(came), 0)
    over = await over_the_limit(database, limited)
    measured = f"peak against mean {peak_against_mean(firsts.values()):.1f} of their first deliveries,"
    measured += f" {peak_against_mean(one.at for one in returned):.1f} of all {len(returned):,} in"
    measured += f" {returned[-1].at - back:.0f} s; {over} over their limit"
    judged(Tally("F18 300 of 1,000 die and come back together", 1, *counted, TARGET, measured))
    assert set(firsts) == farm.dead
    assert over == 0
