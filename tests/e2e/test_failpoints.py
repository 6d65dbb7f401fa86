"""Everything is killed at each point between a commit, a response and a request (F02)."""

import functools
import importlib
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Judge
from tests.support.failing.sitecustomize import POINTS
from tests.support.faults import Shop, Tally, open_shop
from tests.support.serving import READY_SECONDS, EndedError

FAILING = Path(__file__).parents[1] / "support" / "failing"
REQUESTS = 60
TARGET = "lost 0 at 12 points or more; duplicated: what was in flight"


def die_at(shop: Shop, point: str, passes: int) -> None:
    """Let the server, which is stopped or dead, run until it dies at the point."""
    shop.server.also = {"PYTHONPATH": str(FAILING), "FAILPOINT": point, "FAILPOINT_PASSES": str(passes)}
    with suppress(EndedError):  # what an earlier life left to send may bring it to the point before it is ready
        shop.server.start()
        with shop.reporting(REQUESTS):
            shop.server.process.wait(READY_SECONDS)
    shop.ledger.wait_until_left()
    shop.note_fault()


def test_every_failpoint_exists() -> None:
    for _, module, name in POINTS.values():
        holder = functools.reduce(getattr, name.split("."), importlib.import_module(module))
        assert callable(holder)


def run(points: Sequence[str]) -> Tally:
    chance = random.Random(5)
    with open_shop() as shop:
        shop.server.stop()
        for point in points:
            die_at(shop, point, chance.randint(2, 6))
        shop.server.also = {}
        shop.server.start()
        tally = shop.tally(f"F02 died at {len(set(points))} points", len(points), TARGET)
        assert shop.server.stop() == 0
    return tally


def test_a_death_at_a_failpoint_loses_nothing_and_keeps_the_order(judged: Judge) -> None:
    judged(run(list(POINTS)[1::2]))


@pytest.mark.faults
def test_repeated_deaths_at_every_failpoint_lose_nothing(judged: Judge) -> None:
    judged(run(list(POINTS) * 10))
