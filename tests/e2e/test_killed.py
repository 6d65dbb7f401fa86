"""Everything is killed mid-delivery: nothing accepted is lost, and order is kept (promises 1 to 4).

The ledger and the reporter live outside the server: what counts is what they saw, not what the server says of itself.
"""

import random
import time

import asyncpg
import pytest

from tests.conftest import Judge
from tests.support.faults import Tally, median_and_worst, open_shop
from tests.support.serving import Serving
from waypost.store.embedded.server import locate

WAL_BYTES = 2 << 30
TARGET = "lost 0; duplicated: what was in flight at each kill; the first new delivery within 2 s of the start"
_TO_REPLAY = "select pg_wal_lsn_diff(pg_current_wal_lsn(), (select redo_lsn from pg_control_checkpoint()))::bigint"
# Random bytes: what compresses makes less WAL than it seems.
_FILL = """
insert into filler
select string_agg(sha512((n || random()::text)::bytea), ''::bytea) from generate_series(1, 320000) n group by n / 16
"""


def kill_again_and_again(times: int) -> Tally:
    chosen = random.Random(7)
    starts, firsts = [], []
    with open_shop() as shop:
        for _ in range(times):
            began = time.monotonic()
            with shop.reporting(chosen.randint(3, 25)):
                shop.wait_for_more(1)
                firsts.append(time.monotonic() - began)
                shop.reporter.enough.wait(60)
                shop.kill()
            began = time.monotonic()
            shop.server.start()
            starts.append(time.monotonic() - began)
        measured = (
            f"ready again after {median_and_worst(starts)}; then the first delivery after {median_and_worst(firsts)}"
        )
        tally = shop.tally("F01 killed at random", times, TARGET, measured)
        assert shop.server.stop() == 0
    return tally


def test_six_kills_lose_nothing_that_was_accepted_and_keep_every_parcel_in_order(judged: Judge) -> None:
    judged(kill_again_and_again(6))


@pytest.mark.faults
def test_two_hundred_kills_lose_nothing_that_was_accepted(judged: Judge) -> None:
    judged(kill_again_and_again(200))


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
async def test_a_kill_with_two_gibibytes_of_wal_to_replay_loses_nothing(judged: Judge) -> None:
    with open_shop() as shop:
        size = await write_ahead(shop.server)
        with shop.reporting(25):
            shop.reporter.enough.wait(60)
            shop.kill()
        shop.server.start()
        judged(shop.tally(f"F01 killed with {size / 2**30:.1f} GiB to replay", 1, TARGET))
        assert shop.server.stop() == 0
