"""The first page of an account with very many parcels, requested repeatedly while updates arrive."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from httpx import AsyncClient

from benchmarks.client import Client
from benchmarks.load import SCANS, request_body
from tests.support.people import make_login_link
from tests.support.visiting import Document

_FIRST_PARCEL = 40_000_000
_BETWEEN_SECONDS = 0.2


async def measure(
    url: str, data_dir: Path, email: str, key: str, *, per_second: int, seconds: float
) -> dict[str, float]:
    """Return how long ``/`` took while this many updates per second arrived, for new and known parcels."""
    taken: list[float] = []
    count = round(per_second * seconds)
    async with AsyncClient(base_url=url) as browser, Client(url, {"tracking-api-key": key}) as api:
        link = f"/login/{make_login_link(data_dir, email)}"
        token = Document((await browser.get(link)).text).value("_csrf_token")
        await browser.post(link, data={"_csrf_token": token})
        began = time.monotonic()
        reporting = asyncio.create_task(_report(api, count, per_second))
        while not reporting.done():
            asked = time.perf_counter()
            answer = await browser.get("/", headers={"accept": "text/html"})
            taken.append(time.perf_counter() - asked)
            if "Parcels" not in answer.text:
                raise ConnectionError(f"/ was not shown: {answer.status_code}")
            await asyncio.sleep(_BETWEEN_SECONDS)
        await reporting
        lasted = time.monotonic() - began
    taken.sort()
    return {
        "updates_per_second": count / lasted,
        "pages": len(taken),
        "median_ms": 1000 * statistics.median(taken),
        "p95_ms": 1000 * taken[len(taken) * 95 // 100],
    }


async def _report(api: Client, count: int, per_second: int) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for place, body in enumerate(_bodies(count)):
            if (wait := began + place / per_second - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            requests.create_task(api.post_bytes("/v1/updates", body))


def _bodies(count: int) -> Iterator[bytes]:
    parcels = max(1, count // SCANS)
    for place in range(count):
        parcel = _FIRST_PARCEL + place % parcels
        yield request_body(range(parcel, parcel + 1), min(SCANS, place // parcels + 1))
