"""Everything is killed while services push: whatever was answered is carried out, exactly once.

The pushers live outside the server: what counts is the answers that they got. A push that was not answered is sent
again, as services do.
"""

import random
import threading
import time
from typing import Any

import asyncpg
import httpx
import pytest

from examples.demo.site import Site
from tests.support.pushing import (
    SECRET,
    aftership_body,
    aftership_headers,
    easypost_event,
    easypost_headers,
    track17_body,
    track17_headers,
    trackingmore_body,
    trackingmore_headers,
)
from tests.support.serving import LOOK_SECONDS, READY_SECONDS, Serving, serving
from waypost.store.embedded.server import locate

PUSHERS = 6
PARCELS = 5
SERVICES = ("easypost", "trackingmore", "17track", "aftership")


class Pusher(threading.Thread):
    """Pushes one scan after the other to a connection until stopped, repeating each until it is answered with 200."""

    def __init__(self, server: Serving, place: int, path: str) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.place = place
        self.path = path
        self.answered: list[tuple[str, int]] = []
        self.statuses: set[int] = set()
        self.enough = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=5, trust_env=False) as client:
            while not self.enough.is_set():
                number = len(self.answered)
                parcel = f"K{self.place}P{number % PARCELS}"
                if self._push(client, parcel, number):
                    self.answered.append((parcel, number))
                else:
                    self.enough.wait(LOOK_SECONDS)

    def _push(self, client: httpx.Client, parcel: str, number: int) -> bool:
        body, headers = signed(self.path.split("/")[2], parcel, f"evt_{self.place}_{number}", number)
        try:
            status = client.post(self.server.url + self.path, content=body, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
        self.statuses.add(status)
        return status == 200


def signed(source: str, parcel: str, event: str, at: int) -> tuple[bytes, dict[str, str]]:
    """Return a push of a service as it signs it."""
    match source:
        case "trackingmore":
            return trackingmore_body(parcel, at), trackingmore_headers()
        case "17track":
            body = track17_body(parcel, at)
            return body, track17_headers(body)
        case "aftership":
            body = aftership_body(parcel, event, at)
            return body, aftership_headers(body)
    body = easypost_event(parcel, event=event, at=at)
    return body, easypost_headers(body)


def connect(site: Site, source: str) -> str:
    key = "api_key" if source == "17track" else "secret"
    body = {"source": source, "credentials": {key: SECRET}, "settings": {"register": "yes"}}
    return str(site.post("/v1/connections", body)["inbound_url"])


async def rows(server: Serving, statement: str) -> list[Any]:
    address = await locate(server.data_dir)
    assert address is not None
    session = await asyncpg.connect(address.dsn)
    try:
        return list(await session.fetch(statement))
    finally:
        await session.close()


async def until_read(server: Serving) -> None:
    until = time.monotonic() + READY_SECONDS
    while (await rows(server, "select count(*) from inbound"))[0][0]:
        assert time.monotonic() < until, "pushes are still waiting"


async def kill_again_and_again(times: int, *, between: tuple[int, int] = (20, 200)) -> int:
    """Return how many pushes were answered; raise AssertionError if one of them was lost or carried out twice.

    ``between`` is the least and the most pushes that are answered before each kill.
    """
    chance = random.Random(3)
    with serving() as server:
        server.start()
        site = server.account()
        pushers = [Pusher(server, place, connect(site, SERVICES[place % len(SERVICES)])) for place in range(PUSHERS)]
        for pusher in pushers:
            pusher.start()
        for _ in range(times):
            goal = sum(len(one.answered) for one in pushers) + chance.randint(*between)
            server.wait_for(lambda goal=goal: sum(len(one.answered) for one in pushers) >= goal)
            server.kill()
            server.start()
        for pusher in pushers:
            pusher.enough.set()
            pusher.join()
        await until_read(server)
        events = await rows(server, "select tracking_number, count(*) as events from event group by 1")
        assert server.stop() == 0
    answered = [parcel for pusher in pushers for parcel, _ in pusher.answered]
    counted = {row["tracking_number"]: row["events"] for row in events}
    # A push whose answer was lost when the pushers stopped may have been carried out: one of each at most.
    wrong = {
        parcel: (answered.count(parcel), counted.get(parcel, 0))
        for parcel in {*answered, *counted}
        if not 0 <= counted.get(parcel, 0) - answered.count(parcel) <= 1
    }
    assert wrong == {}
    assert sum(counted.values()) - len(answered) <= PUSHERS
    assert {status for pusher in pushers for status in pusher.statuses} <= {200, 503}
    return len(answered)


async def test_three_kills_lose_no_push_that_was_answered_and_carry_none_out_twice() -> None:
    assert await kill_again_and_again(3) > 60


@pytest.mark.faults
async def test_thirty_kills_lose_no_push_that_was_answered_and_carry_none_out_twice() -> None:
    assert await kill_again_and_again(30) > 600


@pytest.mark.faults
async def test_ten_kills_among_ten_thousand_pushes_lose_none_that_was_answered_and_carry_none_out_twice() -> None:
    assert await kill_again_and_again(10, between=(900, 1_300)) > 9_000
