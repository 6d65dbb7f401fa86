"""The overview: counts, health, first steps; a million parcels do not slow it down."""

import re
from datetime import UTC, datetime

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.domain.latency import BOUNDS_MS, bound_of
from waypost.domain.statuses import Status
from waypost.store import hours, overview
from waypost.store.database import Database
from waypost.store.statements import TEXTS, fetch


async def report(shop: Caller, number: str, status: str) -> None:
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "x", "checkpoint_delivery_status": status}
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200


async def tally(portal: Portal, endpoint: str, *, delivered: int, failed: int, tries: int, ms: int) -> None:
    """Count for the present hour what was sent to an endpoint."""
    latency = [0] * len(BOUNDS_MS)
    latency[bound_of(ms)] = tries
    await portal.database.serving.execute(
        "insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts,"
        " latency, arrival)"
        " values ($1, $2::timestamptz::date, date_trunc('hour', $2::timestamptz), $3, $4, $5, $6, $7, $8, $9)",
        *(id_of(endpoint), datetime.now(UTC), delivered, delivered, failed, tries, tries - delivered, latency),
        [delivered],
    )


async def test_a_new_account_sees_its_first_steps(portal: Portal, shop: Caller, browser: Browser) -> None:
    before = Document((await browser.get("/")).text)
    await report(shop, "A1", "transit")
    await portal.endpoint(shop)
    half = Document((await browser.get("/")).text)
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, last_success_at) select id, now() from endpoint"
    )
    after = Document((await browser.get("/")).text)

    steps = [[one.text.strip() for one in page.all("span") if one.text in ("Done", "To do")] for page in (before, half)]
    assert steps == [["To do"] * 4, ["Done"] * 3 + ["To do"]]
    assert "never makes up tracking data" in before.text
    assert "First steps" not in after.text


async def test_only_ones_own_parcels_are_counted_by_status(portal: Portal, shop: Caller, browser: Browser) -> None:
    other = await portal.account("other@example.com")
    for number, status in (("A1", "transit"), ("A2", "transit"), ("A3", "delivered")):
        await report(shop, number, status)
    await report(other, "A1", "exception")

    async with portal.database.serving.acquire() as session:
        counts = await overview.count_by_status(session, shop.account)
    page = assert_harmless((await browser.get("/")).text)

    assert {status: count for status, count in counts.items() if count} == {Status.TRANSIT: 2, Status.DELIVERED: 1}
    assert re.search(r"In Transit\s*2", page.text)
    assert re.search(r"Exception\s*0", page.text)


async def test_it_adds_up_the_deliveries_of_all_endpoints(portal: Portal, shop: Caller, browser: Browser) -> None:
    first, second = [await portal.endpoint(shop, f"http://127.0.0.1/{place}") for place in (1, 2)]
    await tally(portal, first, delivered=90, failed=0, tries=90, ms=80)
    await tally(portal, second, delivered=0, failed=10, tries=60, ms=4000)
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, failing_since, last_error) values ($1, now(), 'http_5xx')",
        id_of(second),
    )

    answers = [await browser.get(path) for path in ("/", "/?span=week", "/?span=%00")]
    pages = [Document(answer.text) for answer in answers]

    for page in pages:
        assert re.search(r"Webhooks succeeded within 5 minutes\s*90.0%", page.text)
        assert re.search(r"Response time, median\s*\d+ ms", page.text)
        assert re.search(r"Total time, 95th percentile\s*95 ms", page.text)
        assert "It returned a server error (5xx)." in page.text
    (chart,) = pages[0].all("svg", role="img")
    assert chart.attributes["aria-label"].endswith("90 succeeded, 60 failed attempts")
    assert [len(page.all("rect")) > 150 for page in pages] == [False, True, False]
    assert all(len(answer.content) < 100_000 for answer in answers)


async def test_hours_of_several_endpoints_are_added_up(portal: Portal, shop: Caller) -> None:
    ids = [await portal.endpoint(shop, f"http://127.0.0.1/{place}") for place in (1, 2)]
    for place, one in enumerate(ids, start=1):
        await tally(portal, one, delivered=place, failed=0, tries=3, ms=10)
    now = datetime.now(UTC)
    async with portal.database.serving.acquire() as session:
        found = await hours.of_endpoints(session, [id_of(one) for one in ids], now, now.replace(year=now.year + 1))

    (hour,) = hours.together(found)

    assert (hour.delivered, hour.attempts, hour.failed_attempts, sum(hour.latency)) == (3, 6, 3, 6)


async def test_counting_reads_only_the_index_up_to_its_limit(database: Database) -> None:
    await database.serving.execute(
        "insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state,"
        " created_at, updated_at) select n % 256, gen_random_uuid(), $1, n::text, 'dhl', 'transit', 'transit001',"
        " '', now(), now() from generate_series(1, 30000) n",
        id_of("x_" + "1" * 32),
    )
    await database.serving.execute("vacuum analyze tracking")
    arguments = (id_of("x_" + "1" * 32), list(Status), overview.MOST_COUNTED + 1)
    async with database.serving.acquire() as session:
        await session.execute("set plan_cache_mode = force_generic_plan")
        plan = [row[0] for row in await session.fetch("explain analyze " + TEXTS["count_by_status"], *arguments)]
        counts = {row["status"]: row["count"] for row in await fetch(session, "count_by_status", *arguments)}

    text = "\n".join(plan)
    assert re.search("Index Only Scan (Backward )?using tracking_lane", text), text
    assert "Seq Scan" not in text, text
    (read,) = [line for line in plan if "Index Only Scan" in line]
    assert float(re.findall(r"rows=(\d+)", read)[-1]) * 9 <= overview.MOST_COUNTED * 1.01, text
    assert counts["transit"] == overview.MOST_COUNTED + 1
