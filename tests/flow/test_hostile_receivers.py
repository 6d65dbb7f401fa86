"""Misbehaving receivers and name servers, very many times (F11, F12)."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import Judge
from tests.flow.crowd import TIMEOUT_SECONDS, way_to_many
from tests.flow.test_dispatch import VAULT, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.farm import ANSWERS, farm
from tests.support.faults import Tally
from tests.support.receiver import receiving
from tests.support.transports import Post, StandInTransport, a_test_of
from tests.unit.test_guard import VECTORS
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import MOST_ADDRESSES, Guard
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.stages import Times
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.attempts import Outcome
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.retry import Policy
from waypost.domain.targets import Ports
from waypost.store.database import Database

PARCELS = 25
TRIES = 100_000
_ENDED = """
select s.endpoint, a.outcome, a.duration_ms, s.state, s.tries
from settled s left join attempt a on a.delivery = s.id and a.bucket = s.bucket
"""

pytestmark = pytest.mark.faults


def memory_mib() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def endpoints_of(way: Way, ports: dict[str, int]) -> dict[UUID, Outcome]:
    """Make an endpoint for each receiver, of accounts with four; gives what each attempt has to come to."""
    expected = {}
    for name, _, outcome in ANSWERS:
        account = await add_account(way.database)
        expected[await way.add_endpoint(account, f"http://127.0.0.1:{ports[name]}/")] = outcome
    return expected


async def test_with_any_receiver_each_attempt_ends_in_time_with_the_right_outcome(
    database: Database, judged: Judge
) -> None:
    way = way_to_many(database, Policy(base_seconds=0.1, limit=0))
    with farm() as ports:
        expected = await endpoints_of(way, ports)
        accounts = [row["id"] for row in await database.serving.fetch("select id from account")]
        before = memory_mib()
        async with running(way):
            for number in range(PARCELS):
                await way.intake.submit([reporting(account, f"A{number}", scan(8)) for account in accounts])
            while await database.serving.fetchval("select exists (select from due)"):
                pass
        grown = memory_mib() - before

    rows = await database.serving.fetch(_ENDED)
    others = [row["outcome"] for row in rows if row["outcome"] != expected[row["endpoint"]]]
    wrong = [outcome for outcome in others if outcome != Outcome.TIMED_OUT]
    longest = max(row["duration_ms"] for row in rows) / 1000
    accepted = PARCELS * len(expected)
    measured = f"{len(ports)} kinds of receiver; the longest took {longest:.2f} s of {TIMEOUT_SECONDS:.0f} s;"
    measured += f" {grown:.0f} MiB of memory more; {len(others) - len(wrong)} answers came too late"
    target = (
        "each ends within its deadline and half a second, as what it was; at most 64 MiB more; no redirect followed"
    )
    tally = Tally("F11 hostile receivers", accepted, accepted, accepted - len(rows), 0, len(wrong), 0, target, measured)
    judged(tally)


class Liar:
    """A name server that answers as it likes; ``honest`` counts the answers that may be connected to."""

    def __init__(self, good: IPAddress, bad: Sequence[IPAddress]) -> None:
        self._chance = random.Random(12)
        self._good, self._bad = good, bad
        self.honest = 0
        self._answers: list[Callable[[], list[IPAddress]]] = [
            lambda: [self._one_bad()],
            lambda: [self._good, self._one_bad()],
            lambda: [self._one_bad(), self._good],
            lambda: [self._good] * MOST_ADDRESSES + [self._one_bad()],
            lambda: [self._good] * 10_000,
            lambda: [ip_address("127.0.0.1")],
            list,
            self._unknown,
        ]

    async def resolve(self, host: str) -> list[IPAddress]:
        del host
        if self._chance.random() < 0.02:
            self.honest += 1
            return [self._good]
        return self._chance.choice(self._answers)()

    def _one_bad(self) -> IPAddress:
        return self._chance.choice(self._bad)

    def _unknown(self) -> list[IPAddress]:
        raise OSError


class Gate(StandInTransport):
    """Connects to this machine only, whatever is wrong with the guard; ``refused`` are the other addresses."""

    def __init__(self) -> None:
        self._real = PyreqwestTransport()
        self.refused: list[IPAddress] = []

    async def respond(self, post: Post) -> Answer | Failure:
        if not post.address.is_loopback:
            self.refused.append(post.address)
            return Failure(Outcome.CONNECT_FAILED)
        target, address, headers, body, deadline_seconds = post
        return await self._real.post(target, address, headers, body, deadline_seconds=deadline_seconds)

    async def connects(self, address: IPAddress, port: int, *, seconds: float) -> bool:
        if not address.is_loopback:
            self.refused.append(address)
            return False
        return await self._real.connects(address, port, seconds=seconds)


async def test_a_name_with_changing_addresses_never_reaches_a_forbidden_one(judged: Judge) -> None:
    bad = [ip_address(text) for text in VECTORS.split()]
    liar = Liar(ip_address("127.0.0.2"), bad)
    outcomes: Counter[str] = Counter()
    async with receiving() as trap, receiving(host="127.0.0.2", port=trap.port) as open_to_all:
        guard = Guard(liar, ports=Ports.parse("1-65535"), allow=(ip_network("127.0.0.2/32"),), own=frozenset())
        gate = Gate()
        sender = Sender(guard, gate, VAULT, SendSettings("Waypost/test"))
        for number in range(TRIES):
            # A name for each: what was admitted of a URL holds for a second.
            claimed, endpoint = a_test_of(f"http://n{number}.test:{trap.port}/", VAULT)
            finished = await sender.run(claimed, endpoint, math.inf, Times(waited=0.0, claiming_since=0.0))
            assert finished.attempt is not None
            outcomes[finished.attempt.outcome] += 1

        came = len(open_to_all.requests)
        lost, twice = liar.honest - outcomes[Outcome.SUCCEEDED], came - liar.honest
        forbidden = trap.connections + len(gate.refused)
        measured = f"{forbidden} connections to forbidden addresses; {dict(outcomes)}"
        judged(
            Tally("F12 names that lie", TRIES, liar.honest, lost, twice, twice, 0, "0 forbidden connections", measured)
        )
        assert trap.connections == 0
