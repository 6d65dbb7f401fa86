"""Waypost as a whole: a real `waypost serve` with its own PostgreSQL, from updates over HTTP to signed deliveries."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from benchmarks import machine
from benchmarks.client import Client
from benchmarks.load import SCANS, request_body
from tests.support.serving import Serving
from waypost.settings import Settings
from waypost.store.embedded.server import locate

REQUESTS_AT_ONCE = 8
LOOK_SECONDS = 0.02
MOVE_SECONDS = 60
MOVING_PARCELS = 240
"""How many are reported at a time until dispatching has moved: enough to make it move."""


class Run:
    """A running server, one of its accounts, and the receiver."""

    def __init__(self, server: Serving, receiver: Client, database: asyncpg.Connection) -> None:
        self.server = server
        self.receiver = receiver
        self.database = database
        self.api = Client(server.url, {"tracking-api-key": server.account().headers["tracking-api-key"]})

    async def add_endpoints(self, count: int, url: str) -> None:
        for _ in range(count):
            await self.api.post("/v1/endpoints", {"url": url, "allow_duplicate": True})

    async def report(self, groups: Sequence[Sequence[bytes]]) -> float:
        """Post updates, several requests at once, and return the seconds until all were accepted.

        Each group's requests are posted one after the other: a later report has all scans of an earlier one, which
        would then bring nothing new.
        """

        async def work(own: Sequence[Sequence[bytes]]) -> None:
            for bodies in zip(*own, strict=True):
                for body in bodies:
                    await self.api.post_bytes("/v1/updates", body)

        began = time.perf_counter()
        await asyncio.gather(*(work(groups[place::REQUESTS_AT_ONCE]) for place in range(REQUESTS_AT_ONCE)))
        return time.perf_counter() - began

    async def until_received(self, count: int) -> None:
        while await self.receiver.get("/count") < count:
            await asyncio.sleep(LOOK_SECONDS)

    async def until_recorded(self) -> None:
        while await self.database.fetchval("select exists (select from due)"):
            await asyncio.sleep(LOOK_SECONDS)

    async def dispatch_processes(self) -> int:
        """Return how many processes of its own dispatching has that work."""
        return int(await self.database.fetchval("select count(*) from dispatcher where child"))

    async def statements(self) -> float:
        """Return the number of SQL statements the server has sent, from its metrics."""
        lines = (await self.api.text("/metrics")).splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("waypost_sql_statements_total"))

    async def recorded(self) -> dict[str, int]:
        """Return how many deliveries were delivered, and how many attempts are recorded."""
        settled = await self.database.fetchval("select count(*) from settled where state = 'delivered'")
        return {"settled": settled, "attempts": await self.database.fetchval("select count(*) from attempt")}

    async def wal_position(self) -> int:
        return int(await self.database.fetchval("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))

    async def usage(self) -> dict[str, float]:
        """Return the usage so far: statements, bytes of WAL, processor seconds of Waypost and PostgreSQL."""
        own, postgresql = machine.parts_of(self.server.process.pid)
        return {
            "statements": await self.statements(),
            "wal": await self.wal_position(),
            "waypost": machine.processor_seconds_of(own),
            "postgresql": machine.processor_seconds_of(postgresql),
        }


@contextmanager
def receiver_process() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a receiver as a process of its own; yield it with its port."""
    command = [sys.executable, "-m", "benchmarks.receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.terminate()


@asynccontextmanager
async def running(server: Serving, receiver: Client) -> AsyncIterator[Run]:
    server.start()
    address = await locate(server.data_dir)
    assert address is not None  # noqa: S101 - it is ready
    database = await asyncpg.connect(address.dsn)
    try:
        yield Run(server, receiver, database)
    finally:
        await database.close()
        server.stop()


async def accept(run: Run, parcels: int, per_request: int) -> dict[str, float]:
    """Report updates of an account without endpoints: the throughput of intake when nothing is sent."""
    requests = _requests(range(10_000_000, 10_000_000 + parcels), per_request)
    seconds = await run.report(requests)
    return {"updates": parcels * SCANS, "updates_per_second": parcels * SCANS / seconds}


async def move_out(run: Run, endpoints: int) -> dict[str, float]:
    """Report parcels until those processes dispatch that do so under load, and everything is delivered.

    A `serve` that has just started dispatches in its main process. The cost of the move is measured here, so that
    ``deliver`` measures the state that lasts.
    """
    processes = Settings.model_fields["dispatch_processes"].get_default(call_default_factory=True)
    before, began, deliveries = await run.usage(), time.perf_counter(), 0
    moved = None
    while moved is None and time.perf_counter() - began < MOVE_SECONDS:
        first = 20_000_000 + deliveries
        await run.report(_requests(range(first, first + MOVING_PARCELS), MOVING_PARCELS // REQUESTS_AT_ONCE))
        deliveries += MOVING_PARCELS * SCANS * endpoints
        await run.until_received(deliveries)
        await run.until_recorded()
        if await run.dispatch_processes() >= processes:
            moved = time.perf_counter() - began
    used = {name: value - before[name] for name, value in (await run.usage()).items()}
    await run.receiver.get("/seen")
    return {
        "moved": moved is not None,
        "deliveries": deliveries,
        "seconds": time.perf_counter() - began,
        "processor_seconds_waypost": used["waypost"],
        "processor_seconds_postgresql": used["postgresql"],
    }


async def deliver(run: Run, parcels: int, endpoints: int, per_request: int) -> dict[str, float]:
    """Report all parcels' scans and wait until every delivery is received and recorded."""
    expected = parcels * SCANS * endpoints
    requests = _requests(range(parcels), per_request)
    await run.database.execute("checkpoint")
    # Counted first: whoever reads rows for the first time marks their pages, which writes WAL after a checkpoint.
    recorded, before = await run.recorded(), await run.usage()
    began = time.perf_counter()
    accepted = await run.report(requests)
    await run.until_received(expected)
    await run.until_recorded()
    seconds = time.perf_counter() - began
    used = {name: value - before[name] for name, value in (await run.usage()).items()}
    received, now = await run.receiver.get("/seen"), await run.recorded()
    own, postgresql = machine.parts_of(run.server.process.pid)
    return {
        "deliveries": expected,
        "received": len(received),
        "settled_as_delivered": now["settled"] - recorded["settled"],
        "attempts_recorded": now["attempts"] - recorded["attempts"],
        "seconds": seconds,
        "deliveries_per_second": expected / seconds,
        "updates_per_second_meanwhile": parcels * SCANS / accepted,
        "sql_statements_per_delivery": used["statements"] / expected,
        "wal_bytes_per_delivery": used["wal"] / expected,
        "processor_seconds_waypost": used["waypost"],
        "processor_seconds_postgresql": used["postgresql"],
        "peak_memory_mib_waypost": machine.peak_memory_mib(own),
        "memory_mib_postgresql": machine.memory_mib(postgresql),
    }


def _requests(parcels: range, per_request: int) -> list[list[bytes]]:
    """Return for each group of parcels the reports of their first scan, of their first two, and so on."""
    groups = [parcels[start : start + per_request] for start in range(0, len(parcels), per_request)]
    return [[request_body(group, scans) for scans in range(1, SCANS + 1)] for group in groups]
