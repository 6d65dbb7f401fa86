"""One account attacks while another works: the cost for the other, in a table.

All share the machine's cores, which in earnest they would not. The attacker's clients and receivers stand for other
machines, so they are processes of their own with a low priority (``NICE``, otherwise 10; 0 is that of the server). The
working account's client and receiver are in this process, with nothing else. ``STAGES=on`` adds where B's deliveries
spent their time; writing it costs time itself.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import httpx
import pytest

from benchmarks.machine import memory_mib, parts_of, peak_memory_mib
from tests.conftest import Judge
from tests.support.attacks import scans, updates
from tests.support.faults import Tally
from tests.support.receiver import OK, Receiver, always, receiving
from tests.support.serving import Serving, serving
from tests.support.stage_log import Span, stages

pytestmark = [pytest.mark.faults, pytest.mark.alone]

WINDOWS = 3
WINDOW_SECONDS = 5.0
SETTLING_SECONDS = 1.0
"""How long what was begun in one window may still disturb the next."""
PAUSE_SECONDS = 0.02
LARGEST_MEMORY_MIB = 512
MOST_TIMES_QUIET = 3
LONGEST_READ, LONGEST_WEBHOOK, LONGEST_HOLD = 0.25, 1.0, 0.1
TARGET = "p99 at most 3 times quiet, 250 ms (GET) and 1 s (webhook); no loop held for 100 ms of work; serve 512 MiB"


class Times:
    """What a working account measured in a window, in seconds: reads, reports, and from a report to its webhook."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {"GET": [], "POST": [], "webhook": []}

    def part(self, kind: str, share: float) -> float:
        ordered = sorted(self.of[kind])
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass
class Work:
    """An account at work."""

    client: httpx.AsyncClient
    receiver: Receiver
    endpoint: str = ""
    sent: int = 0

    async def go_on(self, seconds: float) -> Times:
        """Read, report one scan of a new parcel and wait for its webhook, again and again."""
        times, until = Times(), time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            answer = await self.client.get("/v1/endpoints")
            assert answer.status_code == 200
            times.of["GET"].append(time.perf_counter() - began)
            self.sent += 1
            began = time.perf_counter()
            answer = await self.client.post("/v1/updates", content=updates(1, scans(1, "Departed"), f"B{self.sent}-"))
            assert answer.status_code == 200
            times.of["POST"].append(time.perf_counter() - began)
            await self.receiver.received(self.sent)
            times.of["webhook"].append(time.perf_counter() - began)
            paused = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, paused.set_result, None)
            await paused
        return times


class Windows:
    """Quiet and attacked windows in turns. Their medians are judged, so that one noisy second of the machine is not."""

    def __init__(self) -> None:
        self.quiet: list[Times] = []
        self.attacked: list[Times] = []
        self.spans: dict[str, list[Span]] = {"quiet": [], "attacked": []}

    async def measure(self, work: Work, attack: asyncio.subprocess.Process, *, leaves_work: bool) -> None:
        """Measure windows in turns; if an attack ``leaves_work`` behind, all quiet ones come before it."""
        attack.send_signal(signal.SIGSTOP)
        for number in range(2 * WINDOWS):
            is_quiet = number < WINDOWS if leaves_work else number % 2 == 0
            attack.send_signal(signal.SIGSTOP if is_quiet else signal.SIGCONT)
            await work.go_on(SETTLING_SECONDS)
            began = time.time()
            (self.quiet if is_quiet else self.attacked).append(await work.go_on(WINDOW_SECONDS))
            self.spans["quiet" if is_quiet else "attacked"].append((began, time.time()))
        attack.send_signal(signal.SIGCONT)

    def summary(self) -> str:
        return ", ".join(
            f"{kind} {ms(middle(self.quiet, kind, 0.5))}/{ms(middle(self.quiet, kind, 0.99))} quiet and"
            f" {ms(middle(self.attacked, kind, 0.5))}/{ms(middle(self.attacked, kind, 0.99))} attacked"
            for kind in ("GET", "POST", "webhook")
        )

    def too_slow(self) -> list[str]:
        """Return what broke a bound."""
        broken = []
        for kind, longest in (("GET", LONGEST_READ), ("webhook", LONGEST_WEBHOOK)):
            quiet, attacked = middle(self.quiet, kind, 0.99), middle(self.attacked, kind, 0.99)
            if attacked > min(MOST_TIMES_QUIET * quiet, longest):
                broken.append(f"{kind}: p99 {ms(attacked)} ms, {attacked / quiet:.1f} times quiet")
        return broken


def middle(windows: list[Times], kind: str, share: float) -> float:
    return median(one.part(kind, share) for one in windows)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


@asynccontextmanager
async def at_work(server: Serving) -> AsyncIterator[tuple[Work, str]]:
    """Yield a working account and the attacker's key.

    The two accounts' receivers have different addresses: an address has a limit of connections that all share.
    """
    key = server.account("b@example.com").headers["tracking-api-key"]
    attacker = server.account("a@example.com").headers["tracking-api-key"]
    async with (
        receiving(always(OK), host="127.0.0.2") as receiver,
        httpx.AsyncClient(base_url=server.url, headers={"tracking-api-key": key}, timeout=60) as client,
    ):
        made = await client.post("/v1/endpoints", json={"url": f"http://127.0.0.2:{receiver.port}/hook"})
        assert made.status_code == 201, made.text
        yield Work(client, receiver, made.json()["id"]), attacker


async def stalls(work: Work) -> tuple[float, str]:
    """Return the longest work that held a loop, in seconds, and how long the loops were held, from the metrics."""
    lines = (await work.client.get("/metrics")).text.splitlines()
    found = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("waypost_loop_")}
    held = {
        loop: [found[f'waypost_loop_{what}_stall_seconds{{loop="{loop}"}}'] for what in ("busiest", "longest")]
        for loop in ("main", "dispatch")
    }
    each = ", ".join(f"{loop} {ms(worked)} of {ms(longest)} ms" for loop, (worked, longest) in held.items())
    return max(worked for worked, _ in held.values()), f"work in the longest stalls: {each}"


async def track_link(server: Serving, key: str) -> str:
    async with httpx.AsyncClient(base_url=server.url, headers={"tracking-api-key": key}, timeout=60) as client:
        facts = {"customer_name": "An " * 150, "signed_by": "Bo " * 150}
        update = {"courier_code": "dhl", "create": True, "checkpoints": scans(200, "An Bo Cy " * 80), **facts}
        made = await client.post("/v1/updates", json={"updates": [update | {"tracking_number": "T"}]})
        tracking = made.json()["results"][0]["tracking_id"]
        link: str = (await client.get(f"/v1/trackings/{tracking}")).json()["tracking_link"]
        return "/track/" + link.rsplit("/", 1)[1]


ATTACKS = (
    *("worst_texts", "many_short_scans", "thousands_of_updates", "large_parcel", "track_page", "sign_ins"),
    *("tests_to_silence", "hostile_receivers"),
)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attacking_account_costs_another_next_to_nothing(name: str, judged: Judge) -> None:
    settings = {"WAYPOST_RATE_LIMIT": "on", "WAYPOST_PUBLIC_URL": "http://127.0.0.1", "WAYPOST_MAX_ENDPOINTS": "100"}
    with_stages = {"WAYPOST_LOG_LEVEL": "debug", "WAYPOST_LOG_FORMAT": "json"} if "STAGES" in os.environ else {}
    windows = Windows()
    with serving(**settings, **with_stages) as server:
        await asyncio.to_thread(server.start)
        async with at_work(server) as (work, attacker):
            more = await track_link(server, attacker) if name == "track_page" else ""
            await work.go_on(2.0)
            seconds = WINDOWS * 2 * (WINDOW_SECONDS + SETTLING_SECONDS)
            attack = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.attacks", name, server.url, attacker, str(seconds), more),
                stdout=asyncio.subprocess.PIPE,
            )
            await windows.measure(work, attack, leaves_work=name == "hostile_receivers")
            answers, _ = await attack.communicate()
            worked, held = await stalls(work)
        own, postgres = parts_of(server.process.pid)
        main, *children = [peak_memory_mib([pid]) for pid in own]
        log = server.said() if with_stages else ""
        memory = f"MiB: serve {main}, its children {children}, PostgreSQL {memory_mib(postgres)}"
    nice = os.environ.get("NICE", "10")
    seen = f"B's p50/p99 in ms, A's own processes at nice {nice}: {windows.summary()}. {memory}; {held}."
    seen += f" A: {answers.decode()}"
    for kind, spans in windows.spans.items() if with_stages else ():
        seen += f". {kind}: {stages(log, work.endpoint, spans)}"
    duplicated = len(work.receiver.requests) - work.sent
    judged(Tally(f"A: {name}", 1, work.sent, 0, duplicated, 0, 0, TARGET, seen))
    assert windows.too_slow() == []
    assert worked <= LONGEST_HOLD
    assert main <= LARGEST_MEMORY_MIB
