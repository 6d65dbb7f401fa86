"""How many connections are polled side by side: each waits for its own carrier's answers, not for the others'."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.domain.budget import Budget
from waypost.domain.trackings import Update
from waypost.intake.collector import Intake
from waypost.intake.poller import Poller
from waypost.intake.requests import Request
from waypost.store import connection_changes
from waypost.store.database import Database

CONNECTIONS = 10
EACH = 16
PLENTY = Budget(calls_a_day=1_000_000, calls_a_second=10_000, polls_of_a_parcel_a_day=1_000)


@dataclass
class Silent:
    """A carrier that never answers; ``all_asked`` is set once it has been asked ``enough``."""

    enough: int
    name: str = "silent"
    courier_codes: frozenset[str] = frozenset()
    budget: Budget = PLENTY
    extra_calls: int = 0
    asked: list[str] = field(default_factory=list)
    all_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def probe(self) -> None:
        pass

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        del facts
        self.asked.append(tracking_number)
        if len(self.asked) == self.enough:
            self.all_asked.set()
        await asyncio.Event().wait()
        raise AssertionError("it never answers")


async def test_ten_connections_wait_for_their_carriers_side_by_side(database: Database) -> None:
    names = [f"carrier-{place}" for place in range(CONNECTIONS)]
    kept = {UUID(int=(7 << 76) + place): connection_changes.KeptConnection(one, one) for place, one in enumerate(names)}
    async with database.engine.acquire() as session:
        await connection_changes.keep_installation(session, kept)
    intake = Intake(database, polled=frozenset(names), hint=lambda _endpoints: None)
    intake.start()
    account = await add_account(database)
    await intake.submit([Request(account, f"{one}-{n}", one, create=True) for one in names for n in range(EACH)])
    carrier = Silent(EACH * CONNECTIONS)
    poller = Poller(
        database,
        intake,
        codes={name: frozenset({name}) for name in names},
        detect=lambda _number: (),
        open_source=lambda _row: carrier,
    )

    polling = asyncio.create_task(poller.serve(asyncio.Event()))
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        await carrier.all_asked.wait()

    assert len(carrier.asked) == EACH * CONNECTIONS
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    await intake.stop()
