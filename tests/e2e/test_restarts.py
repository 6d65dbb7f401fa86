"""Restarts during work: PostgreSQL at once (F07), the server with SIGTERM (F25); and repeated keys (F14)."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from examples.demo.failures import Unreachable
from tests.conftest import Judge
from tests.support.embedded import server_pid
from tests.support.faults import PATHS, Shop, Tally, counts, median_and_worst, open_shop

AT_ONCE = 100


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop
        assert shop.server.stop() == 0


def update(number: str, detail: str) -> bytes:
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": detail}
    one = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    return json.dumps({"updates": [one]}).encode()


def ask(shop: Shop, key: str, body: bytes) -> tuple[int, bytes]:
    """Send under an idempotency key until the first request with it is done."""
    site = replace(shop.api, headers={**shop.api.headers, "idempotency-key": key})
    while True:
        status, answer = site._exchange("POST", "/v1/updates", body)
        if not (status == 409 and b"still_running" in answer):
            return status, answer


def event_of(answer: bytes) -> str:
    return str(json.loads(answer)["results"][0]["event_id"])


def ask_at_once(shop: Shop, name: str) -> str:
    """Send one update a hundred times at once under one key; gives its event."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = set(pool.map(lambda _: ask(shop, name, update(name, "Picked up")), range(AT_ONCE)))

    ((status, answer),) = answers
    assert status == 200
    assert ask(shop, name, update(name, "Delivered"))[0] == 409
    return event_of(answer)


def ask_over_a_kill(shop: Shop, name: str) -> str:
    """Send one update a hundred times at once under one key, kill the server, and send it again; gives its event."""

    def tried() -> None:
        try:
            ask(shop, name, update(name, "Picked up"))
        except Unreachable:
            return

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(tried) for _ in range(AT_ONCE)]
        asked[0].result()
        shop.kill()
    shop.server.start()

    answers = {ask(shop, name, update(name, "Picked up")) for _ in range(3)}
    ((status, answer),) = answers
    assert status == 200
    return event_of(answer)


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_a_hundred_requests_with_one_key_are_one_update_even_across_a_kill(
    shop: Shop, judged: Judge, times: int
) -> None:
    shop.begin()
    events = {}

    for number in range(times):
        for name, asked in ((f"ONCE{times}-{number}", ask_at_once), (f"KILL{times}-{number}", ask_over_a_kill)):
            events[name] = asked(shop, name)

    shop.ledger.wait_for_each(set(events.values()), [path.strip("/") for path in PATHS])
    came = {(one.tracking_number, one.event) for one in shop.ledger.taken if one.tracking_number in events}
    assert came == set(events.items())
    counted = counts(shop.ledger, set(events.values()), PATHS, shop.befell)
    judged(Tally("F14 a hundred requests at once under one key", 2 * times, *counted, target="one update, one answer"))


def runs_again(data_dir: Path, killed: int) -> bool:
    """Return whether there is a PostgreSQL other than the one that was killed."""
    try:
        return server_pid(data_dir) != killed
    except (OSError, IndexError, ValueError):  # there is none, or it is writing its file
        return False


def restart_postgresql(shop: Shop, times: int) -> str:
    """Restart PostgreSQL again and again, as `pg_ctl restart -m immediate` does, while updates come and go out.

    Gives how long it took until the server was ready again.
    """
    recovered = []
    for _ in range(times):
        killed = server_pid(shop.server.data_dir)
        with shop.reporting(40):
            shop.wait_for_more(5)
            os.kill(killed, signal.SIGQUIT)
            shop.note_fault()
        # Not by the log, which has no more than ten lines of a kind in a minute.
        shop.server.wait_for(lambda: runs_again(shop.server.data_dir, killed))  # noqa: B023 - called at once
        began = time.monotonic()
        shop.server.wait_for(lambda: shop.api.status("/health/ready") == 200)
        recovered.append(time.monotonic() - began)
    shop.note_fault()
    return f"ready again after {median_and_worst(recovered)}"


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.faults)])
def test_restarts_of_postgresql_lose_nothing(shop: Shop, judged: Judge, times: int) -> None:
    shop.begin()

    measured = restart_postgresql(shop, times)

    judged(shop.tally("F07 PostgreSQL restarted at once", times, "lost 0; ready within 5 s of PostgreSQL", measured))


def drain(shop: Shop, times: int) -> None:
    """Stop the server by SIGTERM while a slow receiver has attempts in hand, and start it again."""
    shop.ledger.slowness = 0.3
    for _ in range(times):
        with shop.reporting(20):
            shop.wait_for_more(3)
            assert shop.server.stop() == 0
        shop.server.start()
    shop.ledger.slowness = 0.0


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_stopping_completes_attempts_in_flight_and_sends_nothing_twice(shop: Shop, judged: Judge, times: int) -> None:
    shop.begin()

    drain(shop, times)

    tally = shop.tally("F25 stopped by SIGTERM", times, "lost 0; duplicated 0")
    judged(tally)
    assert tally.duplicated == 0
