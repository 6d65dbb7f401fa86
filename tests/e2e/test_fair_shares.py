"""One account attacks while another works: the cost for the other, in a table."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from benchmarks.machine import parts_of, peak_memory_mib
from tests.conftest import Judge
from tests.support.attacks import scans, updates
from tests.support.faults import Tally
from tests.support.receiver import HANG, OK, Receiver, always, receiving
from tests.support.serving import Serving, serving

pytestmark = [pytest.mark.faults, pytest.mark.alone]

SECONDS = 15.0
QUIET_SECONDS = 10.0
PAUSE_SECONDS = 0.1
LARGEST_MEMORY_MIB = 512
TARGET = "p99 ≤ 3 times quiet and ≤ 250 ms (GET), 1 s (webhook); serve ≤ 512 MiB"


@dataclass
class Work:
    """What an account at work measures, in seconds: its reads, and from its report until the webhook."""

    client: httpx.AsyncClient
    receiver: Receiver
    reads: list[float] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)
    webhooks: list[float] = field(default_factory=list)
    sent: int = 0

    def begin(self) -> None:
        self.reads, self.reports, self.webhooks = [], [], []

    async def go_on(self, until: asyncio.Event) -> None:
        """Read, report one scan of a new parcel and wait for its webhook, again and again."""
        while not until.is_set():
            began = time.perf_counter()
            answer = await self.client.get("/v1/endpoints")
            assert answer.status_code == 200
            self.reads.append(time.perf_counter() - began)
            self.sent += 1
            began = time.perf_counter()
            answer = await self.client.post("/v1/updates", content=updates(1, scans(1, "Departed"), f"B{self.sent}-"))
            assert answer.status_code == 200
            self.reports.append(time.perf_counter() - began)
            await self.receiver.received(self.sent)
            self.webhooks.append(time.perf_counter() - began)
            await asyncio.wait([asyncio.create_task(until.wait())], timeout=PAUSE_SECONDS)

    def told(self) -> str:
        kinds = {"GET": self.reads, "POST": self.reports, "webhook": self.webhooks}
        return ", ".join(f"{kind} {ms(part(times, 0.5))}/{ms(part(times, 0.99))}" for kind, times in kinds.items())


def part(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


@asynccontextmanager
async def at_work(server: Serving) -> AsyncIterator[tuple[Work, str, str]]:
    """Yield a working account, the attacker's key, and an address where nobody answers."""
    key = server.account("b@example.com").headers["tracking-api-key"]
    attacker = server.account("a@example.com").headers["tracking-api-key"]
    async with (
        receiving(always(OK)) as receiver,
        receiving(always(HANG)) as silent,
        httpx.AsyncClient(base_url=server.url, headers={"tracking-api-key": key}, timeout=60) as client,
    ):
        made = await client.post("/v1/endpoints", json={"url": receiver.url})
        assert made.status_code == 201, made.text
        yield Work(client, receiver), attacker, silent.url


async def during(work: Work, seconds: float) -> str:
    work.begin()
    enough = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, enough.set)
    await work.go_on(enough)
    return work.told()


async def stalls(work: Work) -> str:
    """Return how often the loops of the server were held, and for how long at most, from its metrics."""
    lines = (await work.client.get("/metrics")).text.splitlines()
    found = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("waypost_loop_")}
    count = found['waypost_loop_stalls_total{loop="main"}']
    longest = found['waypost_loop_longest_stall_seconds{loop="main"}']
    return f"{count:.0f} stalls, {ms(longest)} ms the longest"


async def track_link(server: Serving, key: str) -> str:
    async with httpx.AsyncClient(base_url=server.url, headers={"tracking-api-key": key}, timeout=60) as client:
        facts = {"customer_name": "An " * 150, "signed_by": "Bo " * 150}
        told = {"courier_code": "dhl", "create": True, "checkpoints": scans(200, "An Bo Cy " * 80), **facts}
        made = await client.post("/v1/updates", json={"updates": [told | {"tracking_number": "T"}]})
        tracking = made.json()["results"][0]["tracking_id"]
        link: str = (await client.get(f"/v1/trackings/{tracking}")).json()["tracking_link"]
        return "/track/" + link.rsplit("/", 1)[1]


ATTACKS = (
    *("worst_texts", "many_short_scans", "thousands_of_updates", "large_parcel", "track_page", "sign_ins"),
    "tests_to_silence",
)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attacking_account_costs_another_next_to_nothing(name: str, judged: Judge) -> None:
    with serving(WAYPOST_RATE_LIMIT="on", WAYPOST_PUBLIC_URL="http://127.0.0.1") as server:
        await asyncio.to_thread(server.start)
        async with at_work(server) as (work, attacker, silence):
            link = await track_link(server, attacker) if name == "track_page" else ""
            more = {"track_page": link, "tests_to_silence": silence}.get(name, "")
            await during(work, 2.0)
            quiet = await during(work, QUIET_SECONDS)
            attack = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.attacks", name, server.url, attacker, str(SECONDS), more),
                stdout=asyncio.subprocess.PIPE,
            )
            attacked = await during(work, SECONDS)
            answers, _ = await attack.communicate()
            held = await stalls(work)
        own, _ = parts_of(server.process.pid)
        memory = peak_memory_mib(own[:1])
    seen = f"B's p50/p99 in ms: quiet {quiet}; attacked {attacked}. serve {memory} MiB, {held}. A: {answers.decode()}"
    duplicated = len(work.receiver.requests) - work.sent
    judged(Tally(f"A: {name}", 1, work.sent, 0, duplicated, 0, 0, TARGET, seen))
    assert memory <= LARGEST_MEMORY_MIB
