"""What is restarted in mid-work: PostgreSQL at once (F07), the server by SIGTERM (F25); and keys used again (F14)."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from examples.demo.failures import Unreachable
from tests.conftest import Judge
from tests.support.embedded import server_pid
from tests.support.faults import Shop, open_shop

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


def test_a_hundred_requests_at_once_under_one_key_are_one_update_with_one_answer(shop: Shop) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = set(pool.map(lambda _: ask(shop, "again", update("KEY1", "Picked up")), range(AT_ONCE)))

    ((status, answer),) = answers
    assert status == 200
    assert ask(shop, "again", update("KEY1", "Delivered"))[0] == 409
    shop.ledger.wait_for({event_of(answer)})
    assert {one.event for one in shop.ledger.taken if one.tracking_number == "KEY1"} == {event_of(answer)}


def test_a_key_used_again_after_a_kill_is_one_update(shop: Shop) -> None:
    def tried() -> None:
        try:
            ask(shop, "over a kill", update("KEY2", "Picked up"))
        except Unreachable:
            return

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(tried) for _ in range(AT_ONCE)]
        asked[0].result()
        shop.kill()
    shop.server.start()

    answers = {ask(shop, "over a kill", update("KEY2", "Picked up")) for _ in range(3)}
    ((status, answer),) = answers
    assert status == 200
    shop.ledger.wait_for({event_of(answer)})
    assert {one.event for one in shop.ledger.taken if one.tracking_number == "KEY2"} == {event_of(answer)}


def restart_postgresql(shop: Shop, times: int) -> None:
    """Restart PostgreSQL again and again, as `pg_ctl restart -m immediate` does, while updates come and go out."""
    for _ in range(times):
        restarts = shop.server.said().count("postgres_restarted")
        with shop.reporting(40):
            shop.wait_for_more(5)
            os.kill(server_pid(shop.server.data_dir), signal.SIGQUIT)
            shop.note_fault()
        shop.server.wait_for(lambda: shop.server.said().count("postgres_restarted") > restarts)  # noqa: B023
        shop.server.wait_for(lambda: shop.api.status("/health/ready") == 200)
    shop.note_fault()


def test_restarts_of_postgresql_lose_nothing(shop: Shop, judged: Judge) -> None:
    shop.begin()

    restart_postgresql(shop, 2)

    judged(shop.tally("F07 PostgreSQL restarted at once", 2, "lost 0"))


@pytest.mark.faults
def test_many_restarts_of_postgresql_lose_nothing(shop: Shop, judged: Judge) -> None:
    shop.begin()

    restart_postgresql(shop, 50)

    judged(shop.tally("F07 PostgreSQL restarted at once", 50, "lost 0"))


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
def test_a_stop_lets_what_is_in_flight_end_and_sends_nothing_twice(shop: Shop, judged: Judge, times: int) -> None:
    shop.begin()

    drain(shop, times)

    tally = shop.tally("F25 stopped by SIGTERM", times, "lost 0; duplicated 0")
    judged(tally)
    assert tally.duplicated == 0
