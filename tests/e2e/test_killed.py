"""Everything is killed in mid-delivery: nothing accepted is lost, and order holds (promises 1 to 4).

The ledger and the reporter live outside the server: what counts is what they saw, not what the server says of itself.
"""

import random

import asyncpg
import pytest

from tests.support.killing import Reporter, check, kill_in_mid_delivery, wait_until_settled
from tests.support.ledger import keeping_ledger
from tests.support.serving import Serving, serving
from waypost.store.embedded import locate

KILLS = 10
PATHS = ("/one", "/two")
WAL_BYTES = 2 << 30
_TO_REPLAY = "select pg_wal_lsn_diff(pg_current_wal_lsn(), (select redo_lsn from pg_control_checkpoint()))::bigint"
# Random bytes: what compresses makes less WAL than it seems.
_FILL = """
insert into filler
select string_agg(sha512((n || random()::text)::bytea), ''::bytea) from generate_series(1, 320000) n group by n / 16
"""


def test_ten_kills_lose_nothing_that_was_accepted_and_keep_every_parcel_in_order() -> None:
    chosen = random.Random(7)
    reporter, killed_at = Reporter(), []
    with keeping_ledger() as ledger, serving(WAYPOST_RETRY_BASE_SECONDS="0.1") as server:
        server.start()
        shop = server.account()
        key = shop.headers["tracking-api-key"]
        for path in PATHS:
            shop.post("/v1/endpoints", {"url": ledger.url.rstrip("/") + path})

        for _ in range(KILLS):
            kill_in_mid_delivery(server, key, reporter, chosen.randint(3, 25))
            killed_at.append(len(ledger.taken))
            server.start()

        ledger.wait_for(reporter.accepted)
        wait_until_settled(server, key)
        assert server.stop() == 0

    assert len(reporter.accepted) > 200
    check(ledger, reporter.accepted, killed_at, PATHS)


async def write_ahead(server: Serving) -> int:
    """Write until a crash would have two gibibytes to replay; gives how many bytes those are."""
    address = await locate(server.data_dir)
    assert address is not None
    session = await asyncpg.connect(address.dsn)
    await session.execute("create table filler (data bytea storage external)")
    await session.execute("checkpoint")
    while (size := await session.fetchval(_TO_REPLAY)) < WAL_BYTES:
        await session.execute(_FILL)
    await session.close()
    return int(size)


@pytest.mark.faults
async def test_a_kill_with_two_gibibytes_of_wal_to_replay_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    with keeping_ledger() as ledger, serving(WAYPOST_RETRY_BASE_SECONDS="0.1") as server:
        server.start()
        shop = server.account()
        key = shop.headers["tracking-api-key"]
        for path in PATHS:
            shop.post("/v1/endpoints", {"url": ledger.url.rstrip("/") + path})
        size = await write_ahead(server)

        kill_in_mid_delivery(server, key, reporter, 25)
        killed_at = [len(ledger.taken)]
        server.start()

        ledger.wait_for(reporter.accepted)
        wait_until_settled(server, key)
        assert server.stop() == 0

    check(ledger, reporter.accepted, killed_at, PATHS)
    with capsys.disabled():
        print(f"\nreplayed {size / 2**30:.2f} GiB of WAL, lost 0 of {len(reporter.accepted)} accepted events")  # noqa: T201
