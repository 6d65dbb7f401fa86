"""The cost of one endpoint with a huge backlog for a thousand others, measured alternately with and without it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import median

import pytest

from tests.conftest import Judge
from tests.flow.crowd import TIMEOUT_SECONDS, Crowd, pile_up, way_to_many
from tests.flow.test_dispatch import running
from tests.support.databases import fresh
from tests.support.faults import Tally
from tests.support.receiver import HANG, Receiver, always, receiving
from waypost.dispatch.lanes import IN_FLIGHT
from waypost.domain.retry import Policy
from waypost.store import queue
from waypost.store.queue import Lane

TURNS = 3
SECONDS = 8.0
REPORTS_PER_SECOND = 60
PARCELS_EACH = 8
CLAIMS = 30
LANES = 300
SLOTS = 1024
DEAD = "/hook"
_TURN_OFF = "update endpoint set enabled = false, disabled_reason = 'user', off_since = now() where id = $1"

pytestmark = [pytest.mark.faults, pytest.mark.alone]


@asynccontextmanager
async def two_crowds(dsn: str, dead: Receiver, healthy: Receiver, size: int) -> AsyncIterator[tuple[Crowd, Crowd]]:
    """Return two databases: in the first an endpoint is disabled, in the second it has this backlog."""
    async with fresh(dsn) as one, fresh(dsn) as other:
        without, piled = Crowd(one, healthy), Crowd(other, healthy)
        for crowd in (without, piled):
            await crowd.gather(lambda number: f"{healthy.url}/{number}" if number else dead.url)
        await one.serving.execute(_TURN_OFF, without.endpoints[DEAD])
        await pile_up(piled, DEAD, size)
        yield without, piled


async def waiting(crowd: Crowd) -> int:
    question = "select count(*) from due where endpoint = $1"
    return int(await crowd.database.serving.fetchval(question, crowd.endpoints[DEAD]))


async def steady_turn(crowd: Crowd) -> tuple[float, Tally]:
    """Report at a steady pace; gives the p99 of the latencies at healthy endpoints, and what came there."""
    crowd.begin()
    async with running(way_to_many(crowd.database, Policy())) as way:
        await crowd.report_steadily(way, per_second=REPORTS_PER_SECOND, seconds=SECONDS)
        expected = crowd.expected(DEAD)
        await crowd.receiver.received(len(expected), timeout=60)
    latencies = crowd.latencies()
    return latencies[len(latencies) * 99 // 100], counted(crowd, expected)


def counted(crowd: Crowd, expected: set[tuple[str, str]]) -> Tally:
    came = crowd.came()
    twice = came.total() - len(came)
    return Tally("", 1, len(expected), len(expected - set(came)), twice, twice + len(set(came) - expected), 0, "")


def together(fault: str, turns: list[Tally], target: str, measured: str) -> Tally:
    """Add up turns, in which each parcel had one event."""
    lost, duplicated = sum(one.lost for one in turns), sum(one.duplicated for one in turns)
    unexplained, accepted = sum(one.unexplained for one in turns), sum(one.accepted for one in turns)
    return Tally(fault, len(turns), accepted, lost, duplicated, unexplained, 0, target, measured)


async def test_a_hanging_endpoint_with_a_backlog_of_100000_costs_a_thousand_healthy_ones_nothing(
    server_dsn: str, judged: Judge
) -> None:
    size, turns = 100_000, []
    p99: tuple[list[float], list[float]] = ([], [])
    async with (
        receiving(always(HANG)) as dead,
        receiving() as healthy,
        two_crowds(server_dsn, dead, healthy, size) as crowds,
    ):
        for _ in range(TURNS):
            for crowd, found in zip(crowds, p99, strict=True):
                seconds, tally = await steady_turn(crowd)
                found.append(seconds)
                turns.append(tally)
        assert await waiting(crowds[1]) >= size

    hung = len(dead.requests) / TURNS
    share = hung * TIMEOUT_SECONDS / (SLOTS * SECONDS)
    without, beside = (median(found) for found in p99)
    measured = f"p99 of the healthy {beside * 1000:.0f} ms beside it, {without * 1000:.0f} ms without it"
    measured += f" ({beside / without:.2f} times); it got {hung:.0f} attempts a turn, {share:.1%} of the slots"
    target = "p99 at most 1.2 times that without, and 500 ms; at most 1 % of the slots"
    judged(together("F17 one of 1,000 hangs, 100,000 wait for it", turns, target, measured))
    assert hung < 2 * IN_FLIGHT


async def seconds_of_a_claim(crowd: Crowd) -> float:
    """Claim one delivery of each of many lanes, again and again, and take it back; gives the median."""
    endpoints = [crowd.endpoints[DEAD], *list(crowd.endpoints.values())[-LANES:]]
    lanes, seconds = [Lane(endpoint, 1) for endpoint in endpoints], []
    async with crowd.database.engine.acquire() as session:
        for _ in range(CLAIMS):
            undone = session.transaction()
            await undone.start()
            began = time.perf_counter()
            claimed, _ = await queue.claim(session, lanes, dispatcher=1, lease=timedelta(seconds=45))
            seconds.append(time.perf_counter() - began)
            await undone.rollback()
            assert len(claimed) >= LANES
    return median(seconds)


async def burst_turn(crowd: Crowd) -> tuple[float, float, Tally]:
    """Let some parcels wait for each healthy endpoint; gives a claim's seconds, deliveries a second, what came."""
    crowd.begin()
    way = way_to_many(crowd.database, Policy())
    way.intake.start()
    for _ in range(PARCELS_EACH):
        await crowd.report(way, crowd.accounts)
    await way.intake.stop()
    claim = await seconds_of_a_claim(crowd)
    expected, began = crowd.expected(DEAD), time.perf_counter()
    async with running(way):
        await crowd.receiver.received(len(expected), timeout=120)
        seconds = time.perf_counter() - began
    return claim, len(expected) / seconds, counted(crowd, expected)


async def test_a_backlog_of_a_million_changes_neither_claims_nor_the_throughput_of_others(
    server_dsn: str, judged: Judge
) -> None:
    size, turns = 1_000_000, []
    claims: tuple[list[float], list[float]] = ([], [])
    speeds: tuple[list[float], list[float]] = ([], [])
    async with (
        receiving(always(HANG)) as dead,
        receiving() as healthy,
        two_crowds(server_dsn, dead, healthy, size) as crowds,
    ):
        for _ in range(TURNS):
            for place, crowd in enumerate(crowds):
                claim, speed, tally = await burst_turn(crowd)
                claims[place].append(claim * 1000)
                speeds[place].append(speed)
                turns.append(tally)
        assert await waiting(crowds[1]) >= size

    (without, beside), (quick, quick_beside) = map(median, claims), map(median, speeds)
    measured = f"a claim of {LANES} takes {beside:.1f} ms beside it, {without:.1f} ms without it;"
    measured += f" {quick_beside:,.0f} deliveries a second beside it, {quick:,.0f} without it"
    target = "the claim changes by at most 1 ms or 25 %, the throughput by at most 10 %"
    judged(together("F17 a million wait for one of 1,000", turns, target, measured))
