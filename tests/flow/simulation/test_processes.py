"""A simulated process gives back what the real dispatcher does."""

import pytest

from tests.flow.simulation.clock import VirtualServer
from tests.flow.simulation.dispatchers import Flight, Process
from tests.flow.simulation.trouble import OUTAGE
from tests.flow.simulation.world import World
from waypost.domain.breaker import OPENS_AFTER

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEED_WITHOUT_RATE_LIMIT = 0


async def test_what_was_claimed_at_the_moment_a_breaker_opens_is_given_back(server: VirtualServer) -> None:
    process, flights = await claim_all(World(SEED_WITHOUT_RATE_LIMIT, server, OUTAGE))

    for flight in flights[:OPENS_AFTER]:
        attempt = await process.begin(flight, checked=False)
        assert attempt is not None
        process.answered(attempt)

    assert len(flights) == OPENS_AFTER + 2
    assert [await process.begin(flight, checked=False) for flight in flights[OPENS_AFTER:]] == [None, None]


async def claim_all(world: World) -> tuple[Process, list[Flight]]:
    """Report every parcel, and have the owner of the only endpoint claim all at once."""
    await world._begin()
    world._intake.start()
    for parcel in world._parcels:
        await world._report(parcel, 0)
    await world._intake.stop()
    (process,) = [one for one in world._processes if one.owns(world._endpoints[0])]
    return process, await process.claim(world._endpoints, len(world._parcels))
