"""The stand-ins for carriers in this process, on the test's clock."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from examples.carriers.fleet import Fleet
from examples.carriers.formats import load
from examples.carriers.server import serve
from examples.carriers.stand_in import StandIn
from waypost.domain.carriers import CarrierSource
from waypost.sources.carriers import find
from waypost.sources.http import CarrierHttp

TODAY = date(2026, 3, 20)
SECONDS = 60.0


@dataclass
class Clock:
    """A clock that moves only when the test moves it."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def stand_in(name: str, clock: Clock, *, hiccups: bool = False, calls_a_second: int | None = None) -> StandIn:
    form = load(name)
    fleet = Fleet(form.routes, SECONDS, TODAY, clock)
    return StandIn(form, fleet, clock, hiccups=hiccups, calls_a_second=calls_a_second)


def service_stand_in(name: str, clock: Clock) -> StandIn:
    """Return a stand-in for a service, which follows any number that is registered, with scans of these days."""
    form, today = load(name), datetime.now(UTC).date()
    return StandIn(form, Fleet(form.routes, SECONDS, today, clock, any_number=True), clock)


@asynccontextmanager
async def asking(one: StandIn, http: CarrierHttp, credential: str = "any") -> AsyncIterator[CarrierSource]:
    """Yield Waypost's own client for the carrier, which polls the stand-in."""
    async with serve({one.form.name: one}, 0) as url:
        yield client(one.form.name, http, url, credential)


@contextmanager
def running_stand_in(name: str) -> Iterator[tuple[StandIn, str]]:
    """Run a stand-in that knows every number in a thread; yield it and the base URL of its carrier."""
    form = load(name)
    today = datetime.now(UTC).date()
    one = StandIn(form, Fleet(form.routes, SECONDS, today, time.monotonic, any_number=True), time.monotonic)
    loop, ended, urls = asyncio.new_event_loop(), asyncio.Event(), list[str]()
    started = threading.Event()

    async def run() -> None:
        async with serve({name: one}, 0) as url:
            urls.append(url)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert started.wait(60)
    try:
        yield one, f"{urls[0]}/{name}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def client(name: str, http: CarrierHttp, url: str, credential: str = "any") -> CarrierSource:
    carrier = find(name)
    assert carrier is not None
    fields = carrier.check({field.name: credential for field in carrier.fields})
    return carrier.open(http, fields, base_url=f"{url}/{name}")
