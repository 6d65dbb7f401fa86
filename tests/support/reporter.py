"""Reports scans from outside, while a server may die, and keeps the accepted events."""

import threading
from dataclasses import dataclass, field, replace

from examples.demo.failures import DemoFailed
from examples.demo.site import Site
from tests.support.ledger import Ledger, Taken
from tests.support.serving import Program

PARCELS = 40
SCANS = ("Picked up", "Arrived at the hub", "Out for delivery", "Delivered")


@dataclass
class Reporter:
    """Reports scans, one request after the other, until stopped; keeps the accepted events."""

    accepted: set[str] = field(default_factory=set)
    reported: int = 0
    enough: threading.Event = field(default_factory=threading.Event)

    def run(self, api: Site, wanted: int) -> None:
        last = self.reported + wanted
        try:
            while not self.enough.is_set():
                # A request that was not answered is sent again under its key, as a careful shop does.
                keyed = replace(api, headers={**api.headers, "idempotency-key": f"report-{self.reported}"})
                results = keyed.post("/v1/updates", {"updates": self._next()})["results"]
                self.accepted |= {result["event_id"] for result in results if result["event_id"]}
                self.reported += 1
                if self.reported == last:
                    self.enough.set()
        except (DemoFailed, OSError):
            self.enough.set()  # killed mid-request: not accepted, though perhaps done

    def _next(self) -> list[dict[str, object]]:
        """Return the next day's scans of a handful of parcels."""
        updates: list[dict[str, object]] = []
        for place in range(4):
            number = self.reported * 4 + place
            day, scan = 1 + number // PARCELS, number // PARCELS % len(SCANS)
            checkpoint = {"checkpoint_date": f"2026-{1 + day // 28:02}-{1 + day % 28:02}T08:00:00"}
            updates.append(
                {
                    "tracking_number": f"P{number % PARCELS:03}",
                    "courier_code": "dhl",
                    "create": True,
                    "checkpoints": [{**checkpoint, "tracking_detail": SCANS[scan]}],
                }
            )
        return updates


def lives(ledger: Ledger, killed_at: list[int]) -> list[list[Taken]]:
    """Cut what came at the kills."""
    ends = [*killed_at, len(ledger.taken)]
    starts = [0, *killed_at]
    return [ledger.taken[start:end] for start, end in zip(starts, ends, strict=True)]


def wait_until_settled(server: Program, key: str) -> None:
    """Return when nothing waits any more."""
    for state in ("waiting", "retrying", "blocked"):
        path = f"/v1/deliveries?state={state}&limit=1"
        server.wait_for(lambda: not server.site(key).get(path)["items"])  # noqa: B023 - called at once
