"""A delivery that kills the process whenever it is sent is identified and given up, and no other is."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from examples.demo.site import Site
from tests.conftest import Judge
from tests.e2e.test_processes import KEY, key_of_new_account
from tests.e2e.test_serve import SCAN
from tests.support.embedded import open_place
from tests.support.faults import open_shop
from tests.support.ledger import Ledger
from tests.support.serving import LOOK_SECONDS, Program, Serving, running_roles, serving
from waypost.domain.suspicion import MOST_DEATHS, SUSPECT_AFTER
from waypost.store.embedded.server import locate

FAILING = Path(__file__).parents[1] / "support" / "failing"
FATAL = "FATAL1"
HURT = {"PYTHONPATH": str(FAILING), "FATAL_PARCEL": FATAL}
HASTE = {"WAYPOST_HTTP_TIMEOUT_SECONDS": "0.2", "WAYPOST_RETRY_BASE_SECONDS": "0.1"}
ALWAYS_IN_PROCESSES = {"WAYPOST_DISPATCH_INSIDE": "off"}
BESIDE = 4
CUTS = 20
_IS_ALONE = "select count(*) = 1 and min(deaths) > $1 from due"
# Between now and the last time only the waits grow.
_HURRY = "update due set deaths = greatest(deaths, $1)"


@pytest.fixture
def server() -> Iterator[Serving]:
    """Yield a server whose processes must live for less than a second before a suspect is sent, later for seconds."""
    with serving(**HASTE) as server:
        server.also = HURT
        yield server


def dsn_of(server: Serving) -> str:
    address = asyncio.run(locate(server.data_dir))
    assert address is not None
    return address.dsn


def ask(dsn: str, question: str, *arguments: object) -> object:
    async def asking() -> object:
        session = await asyncpg.connect(dsn)
        try:
            return await session.fetchval(question, *arguments)
        finally:
            await session.close()

    return asyncio.run(asking())


def report_all(shop: Site, ledger: Ledger) -> set[str]:
    """Report a fatal parcel among others; gives the events of the others."""
    shop.post("/v1/endpoints", {"url": ledger.url})
    numbers = [*(f"A{number}" for number in range(BESIDE)), FATAL]
    updates = [
        {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [SCAN]} for number in numbers
    ]
    return {result["event_id"] for result in shop.post("/v1/updates", {"updates": updates})["results"][:-1]}


def failed(shop: Site) -> list[tuple[str, str, int]]:
    rows = shop.get("/v1/deliveries?state=failed")["items"]
    return [(row["tracking_number"], row["reason"], row["attempt_count"]) for row in rows]


def send_until_given_up(program: Program, dsn: str, shop: Site, ledger: Ledger) -> None:
    wait_until_given_up(program, dsn, shop, ledger, report_all(shop, ledger))


def wait_until_given_up(program: Program, dsn: str, shop: Site, ledger: Ledger, others: set[str]) -> None:
    ledger.wait_for(others)
    program.wait_for(lambda: ask(dsn, _IS_ALONE, SUSPECT_AFTER))
    ask(dsn, _HURRY, MOST_DEATHS - 1)
    program.wait_for(lambda: failed(shop))

    assert failed(shop) == [(FATAL, "fatal", 0)]
    assert "delivery_abandoned" in program.said()
    assert program.stop() == 0


def test_a_fatal_delivery_is_given_up_and_all_others_arrive(server: Serving, ledger: Ledger) -> None:
    server.also |= ALWAYS_IN_PROCESSES
    server.start()

    send_until_given_up(server, dsn_of(server), server.account(), ledger)


@pytest.mark.faults
def test_a_delivery_that_kills_the_whole_server_kills_only_sending_processes_after_its_restart(
    server: Serving, ledger: Ledger
) -> None:
    server.start()
    key = server.account().headers["tracking-api-key"]
    others = report_all(server.site(key), ledger)
    # On a busy machine it may be sent from a process already, and only that one dies.
    while server.process.poll() is None and "dispatch_moved" not in server.said():
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(LOOK_SECONDS)
    if server.process.poll() is not None:
        server.start()

    wait_until_given_up(server, dsn_of(server), server.site(key), ledger, others)


async def test_a_fatal_delivery_is_given_up_by_a_separate_dispatcher_too(migrated_url: str, ledger: Ledger) -> None:
    settings = HASTE | HURT | ALWAYS_IN_PROCESSES | {"WAYPOST_DATABASE_URL": migrated_url, "WAYPOST_SECRET_KEY": KEY}

    def work() -> None:
        with open_place() as place, running_roles(place, "web", "dispatch", **settings) as (web, dispatch):
            shop = web.site(key_of_new_account(settings))
            send_until_given_up(dispatch, migrated_url, shop, ledger)

    await asyncio.to_thread(work)


@pytest.mark.faults
def test_twenty_power_cuts_with_the_same_deliveries_in_flight_count_against_none(judged: Judge) -> None:
    with open_shop() as shop:
        shop.ledger.slowness = 10.0  # each kill comes before the answers, however busy the machine is
        with shop.reporting(1):
            shop.wait_for_more(1)
        shop.kill()
        for _ in range(CUTS - 1):
            came = len(shop.ledger.taken)
            shop.server.start()
            shop.ledger.wait_for_more(came + 1)
            shop.kill()
        shop.ledger.slowness = 0.0
        shop.server.start()
        assert ask(dsn_of(shop.server), "select coalesce(max(deaths), 0) from due") == 0
        judged(shop.tally("F01 power cuts, the same in hand each time", CUTS, "lost 0, none given up"))
        assert failed(shop.api) == []
        assert shop.server.stop() == 0
