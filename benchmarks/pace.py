"""Latency at a steady rate: from the time an update is due, and from its event, to the arrival of its webhook."""

import asyncio
import time
from collections.abc import Iterator

from benchmarks.load import SCANS, request_body
from benchmarks.whole import Run
from waypost.domain import ids

PERCENTILES = (50, 95, 99)
WARM_UP_SECONDS = 2
"""Not counted, like the first posts of the ceiling: a run's first webhooks wait for connections and plans."""

_WARM_UP_PARCEL = 20_000_000
_FIRST_PARCEL = 30_000_000


async def measure(run: Run, per_second: int, seconds: float) -> dict[str, float]:
    """Send single updates evenly; each makes one delivery for the account's one endpoint.

    The time counts from when the request was due, so that a lagging generator does not hide waits; ``accepted`` counts
    from the time in the event's id: within the transaction that accepts it, before the commit.
    """
    await run.until_received(len(await _send(run, _bodies(_WARM_UP_PARCEL, per_second * WARM_UP_SECONDS), per_second)))
    await run.receiver.get("/seen")
    count = round(per_second * seconds)
    began = time.monotonic()
    due = await _send(run, _bodies(_FIRST_PARCEL, count), per_second)
    sent_in = time.monotonic() - began
    await run.until_received(len(due))
    seen = await run.receiver.get("/seen")
    epoch = time.time() - time.monotonic()
    return {
        "updates_per_second": count / sent_in,
        "deliveries": len(seen),
        **_spread("", [received - due[event] for event, received in seen]),
        **_spread("accepted_", [received + epoch - _made_at(event) for event, received in seen]),
    }


def _bodies(first_parcel: int, count: int) -> Iterator[bytes]:
    """Yield every parcel's first scan, then every parcel's second, and so on."""
    parcels = -(-count // SCANS)
    for place in range(count):
        scans, parcel = divmod(place, parcels)
        yield request_body(range(first_parcel + parcel, first_parcel + parcel + 1), scans + 1)


async def _send(run: Run, bodies: Iterator[bytes], per_second: int) -> dict[str, float]:
    """Report these updates on time. Return when each was due (monotonic seconds), by its event."""
    due: dict[str, float] = {}

    async def report(body: bytes, at: float) -> None:
        answer = await run.api.post_bytes("/v1/updates", body)
        event = answer["results"][0]["event_id"]
        if event is not None:  # otherwise a later update of its parcel has overtaken it and reported its scans
            due[event] = at

    began = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for place, body in enumerate(bodies):
            at = began + place / per_second
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            requests.create_task(report(body, at))
    return due


def _made_at(event: str) -> float:
    identifier = ids.from_text(ids.EVENT, event)
    assert identifier is not None  # noqa: S101 - Waypost sent it
    return ids.made_at(identifier) / 1000


def _spread(name: str, waits: list[float]) -> dict[str, float]:
    waits.sort()
    found = {f"p{percent}": waits[min(len(waits) - 1, len(waits) * percent // 100)] for percent in PERCENTILES}
    return {f"{name}{key}_ms": 1000 * value for key, value in (found | {"longest": waits[-1]}).items()}
