"""Latency at a steady rate: from the moment an update is sent to Waypost until its webhook is received."""

import asyncio
import time

from benchmarks.load import SCANS, request_body
from benchmarks.whole import Run

PERCENTILES = (50, 95, 99)
_FIRST_PARCEL = 20_000_000


async def measure(run: Run, per_second: int, seconds: float) -> dict[str, float]:
    """Send single updates evenly; each makes one delivery for the account's one endpoint.

    The time counts from when the request was due to be sent, so that a generator that lags does not hide what waits.
    """
    count = round(per_second * seconds)
    parcels = max(1, count // SCANS)
    bodies = [
        request_body(range(_FIRST_PARCEL + parcel, _FIRST_PARCEL + parcel + 1), scans)
        for scans in range(1, SCANS + 1)
        for parcel in range(parcels)
    ]
    due: dict[str, float] = {}

    async def report(body: bytes, at: float) -> None:
        answer = await run.api.post_bytes("/v1/updates", body)
        event = answer["results"][0]["event_id"]
        if event is not None:  # else a later update of its parcel has overtaken it and told its scans
            due[event] = at

    began = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for place, body in enumerate(bodies):
            at = began + place / per_second
            if (wait := at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            requests.create_task(report(body, at))
    sent_in = time.monotonic() - began
    await run.until_received(len(due))
    waits = sorted(received - due[event] for event, received in await run.receiver.get("/seen"))
    return {
        "updates_per_second": len(bodies) / sent_in,
        "deliveries": len(waits),
        **{f"p{percent}_ms": 1000 * waits[min(len(waits) - 1, len(waits) * percent // 100)] for percent in PERCENTILES},
        "longest_ms": 1000 * waits[-1],
    }
