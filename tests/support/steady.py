"""A shop that reports at a steady pace, whatever happens to the server, and repeats rejected updates."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count

from examples.demo.failures import Unreachable
from examples.demo.site import Site
from tests.support.reporter import SCANS

PAUSE_SECONDS = 0.2
PARCELS = 8
"""Of each reporter; their scans come one after the other."""


@dataclass
class SteadyShop:
    """So many reporters at once, all of which report ``per_second`` updates together.

    ``accepted`` are events and when they were accepted, ``refused`` counts the answers that were not 200 by status,
    None for none.
    """

    site: Site
    per_second: float = 50.0
    reporters: int = 8
    accepted: dict[str, float] = field(default_factory=dict)
    refused: Counter[int | None] = field(default_factory=Counter)
    changed: threading.Condition = field(default_factory=threading.Condition)
    enough: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report while the block runs; what was begun is accepted before the end."""
        threads = [threading.Thread(target=self._report, args=[number]) for number in range(self.reporters)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.enough.set()
            for thread in threads:
                thread.join()

    def wait_for_more(self, events: int, seconds: float = 120) -> None:
        """Wait until this number of further updates was accepted."""
        with self.changed:
            wanted = len(self.accepted) + events
            assert self.changed.wait_for(lambda: len(self.accepted) >= wanted, seconds), dict(self.refused)

    def first_after(self, moment: float) -> float:
        """Return how many seconds after a moment of the monotonic clock an update was accepted again."""
        return min(at for at in self.accepted.values() if at > moment) - moment

    def _report(self, reporter: int) -> None:
        began = time.monotonic()
        for number in count():
            # By the clock, not after the answer: who waits for an answer reports the faster after it.
            pause = began + number * self.reporters / self.per_second - time.monotonic()
            if self.enough.wait(max(0.0, pause)):
                return
            self._report_one(reporter, number)

    def _report_one(self, reporter: int, number: int) -> None:
        day, scan = number // PARCELS // len(SCANS), number // PARCELS % len(SCANS)
        checkpoint = {"checkpoint_date": f"2026-{1 + day // 28:02}-{1 + day % 28:02}T{scan + 8:02}:00:00"}
        update = {
            "tracking_number": f"S{reporter}P{number % PARCELS}",
            "courier_code": "dhl",
            "create": True,
            "checkpoints": [{**checkpoint, "tracking_detail": SCANS[scan]}],
        }
        body = json.dumps({"updates": [update]}).encode()
        site = replace(self.site, headers={**self.site.headers, "idempotency-key": f"steady-{reporter}-{number}"})
        while (answer := self._ask(site, body)) is None:
            threading.Event().wait(PAUSE_SECONDS)
        with self.changed:
            self.accepted[answer] = time.monotonic()
            self.changed.notify_all()

    def _ask(self, site: Site, body: bytes) -> str | None:
        status = None
        with suppress(Unreachable):
            status, answer = site._exchange("POST", "/v1/updates", body)
        if status == 200:
            return str(json.loads(answer)["results"][0]["event_id"])
        if not (status == 409 and b"still_running" in answer):  # its first try may go on
            with self.changed:
                self.refused[status] += 1
        return None
