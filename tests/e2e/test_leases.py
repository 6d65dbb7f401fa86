"""How soon a dispatcher's leases are released when it is killed, paused past its leases, or stopped."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Judge
from tests.e2e.test_processes import KEY, PATHS, key_of_new_account, reported
from tests.e2e.test_serve import text_at
from tests.support.embedded import open_place, running
from tests.support.faults import Tally, counts
from tests.support.ledger import Ledger, keeping_ledger
from tests.support.serving import Program, run_waypost, running_roles
from waypost.dispatch.lanes import IN_FLIGHT

SLOW_SECONDS = 5.0
WITHIN = {signal.SIGKILL: "killed: 65 s", signal.SIGSTOP: "paused: 65 s", signal.SIGTERM: "stopped: 2 s"}
_HELD = "select count(*) from due where leased_by = $1 and leased_until > now()"


def ask(dsn: str, question: str, *arguments: object) -> int:
    async def asking() -> int:
        session = await asyncpg.connect(dsn)
        try:
            return int(await session.fetchval(question, *arguments))
        finally:
            await session.close()

    return asyncio.run(asking())


@contextmanager
def two_dispatchers(place: Path, dsn: str) -> Iterator[tuple[Program, dict[int, Program]]]:
    """Yield a web process and two dispatchers by their numbers."""
    settings = {"WAYPOST_DATABASE_URL": dsn, "WAYPOST_SECRET_KEY": KEY, "WAYPOST_DISPATCH_PROCESSES": "1"}
    newest = "select max(number) from dispatcher"
    with running_roles(place / "first", "web", "dispatch", **settings) as (web, first):
        number = ask(dsn, newest)
        with running_roles(place / "second", "dispatch", **settings) as (second,):
            for one in (first, second):  # else the first takes everything, more than one process may send to an address
                one.wait_for(lambda one=one: "waypost_dispatchers 2.0\n" in text_at(one, "/metrics"))
            yield web, {number: first, ask(dsn, newest): second}


def seconds_until_free(dsn: str, fault: signal.Signals, number: int, victim: Program, web: Program) -> float:
    """Let the fault befall a dispatcher; gives how long its leases hold after that."""
    began = time.monotonic()
    victim.signal_all(fault)
    if fault is signal.SIGTERM:
        assert victim.process.wait(40) == 0
        began = time.monotonic()
    web.wait_for(lambda: ask(dsn, _HELD, number) == 0)
    return time.monotonic() - began


def befall(dsn: str, ledger: Ledger, fault: signal.Signals) -> Tally:
    with open_place() as place, two_dispatchers(place, dsn) as (web, dispatchers):
        shop = web.site(key_of_new_account({"WAYPOST_DATABASE_URL": dsn, "WAYPOST_SECRET_KEY": KEY}))
        for path in PATHS:
            shop.post("/v1/endpoints", {"url": f"{ledger.url}{path}"})
        ledger.slowness = SLOW_SECONDS
        events = reported(shop, 1) | reported(shop, 2)
        ledger.wait_for_more(len(PATHS) * IN_FLIGHT)  # so that nothing more is on its way as the fault befalls
        number = max(dispatchers, key=lambda one: ask(dsn, _HELD, one))

        befell = [len(ledger.taken)]
        seconds = seconds_until_free(dsn, fault, number, dispatchers[number], web)
        ledger.slowness = 0.0

        ledger.wait_for_each(events, PATHS)
        web.wait_for(lambda: ask(dsn, "select count(*) from due") == 0)
        with suppress(ProcessLookupError):
            dispatchers[number].signal_all(signal.SIGCONT)
        counted = counts(ledger, events, [f"/{path}" for path in PATHS], befell)
        target = f"all free within: {WITHIN[fault]}"
        return Tally(f"Leases of a dispatcher, {fault.name}", 1, *counted, target, f"free after {seconds:.2f} s")


@pytest.mark.faults
@pytest.mark.alone
@pytest.mark.parametrize("fault", WITHIN, ids=lambda fault: fault.name)
async def test_leases_of_a_dead_dispatcher_are_released_soon(fault: signal.Signals, judged: Judge) -> None:
    with open_place() as place, keeping_ledger() as ledger:
        async with running(place / "data") as server:
            await asyncio.to_thread(run_waypost, "migrate", "--database-url", server.dsn)
            tally = await asyncio.to_thread(befall, server.dsn, ledger, fault)

    judged(tally)
    assert fault is not signal.SIGTERM or tally.duplicated == 0
