"""The webhook history is searched by what receivers and customers know, and filtered by how receivers answered."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.actions import history as history_actions
from waypost.domain import ids
from waypost.store import history as searched
from waypost.store import queue
from waypost.store.statements import SENT

HISTORY = "/developer/webhooks/history"
ANSWERS = {  # by tracking number: the outcome and status of each attempt, and the state of the delivery
    "JD0001": ([("http_5xx", 503), ("timed_out", None)], None),
    "JD0002": ([("http_5xx", 503)], "failed"),
    "JD0003": ([("succeeded", 204)], "delivered"),
    "JD0004": ([], None),
}


async def report(shop: Caller, number: str, **facts: Any) -> None:
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Arrived", "location": "Here"}
    update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan], **facts}
    answer = await shop.post("/v1/updates", {"updates": [update]})
    assert answer.json()["results"][0]["error"] is None, answer.text


async def answer(portal: Portal, delivery: str, answers: Any, state: str | None) -> None:
    """Let a delivery's attempts have been answered so, and let it have ended as ``state``."""
    session = portal.database.serving
    for number, (outcome, status) in enumerate(answers, start=1):
        await session.execute(
            "insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome,"
            " status_code, url, signed_at, signature, webhook_signature, user_agent, body_sha256, body_length) select"
            " bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, $2, now(), 1100 + $2, 'V4', $3, $4,"
            " 'http://x', 1, 'x', 'x', 'x', 'x'::bytea, 1 from due where id = $1",
            *(id_of(delivery), number, outcome, status),
        )
    await session.execute("update due set tries = $2 where id = $1", id_of(delivery), len(answers))
    if state is not None:
        await session.execute(
            "with gone as (delete from due where id = $1 returning *) insert into settled (bucket, day, id, endpoint,"
            " tracking, event, sequence, state, tries, settled_at) select bucket,"
            " (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence, $2,"
            " tries, now() from gone",
            *(id_of(delivery), state),
        )


@pytest.fixture
async def sent(portal: Portal, shop: Caller) -> dict[str, dict[str, Any]]:
    """Return four deliveries by their numbers, each with another end."""
    await portal.endpoint(shop)
    for number in ANSWERS:
        await report(shop, number, order_number=f"#DE-{number[-1]}")
    items = (await shop.get("/v1/deliveries")).json()["items"]
    found = {one["tracking_number"]: one for one in items}
    for number, (answers, state) in ANSWERS.items():
        await answer(portal, found[number]["id"], answers, state)
    return found


async def numbers(browser: Browser, query: str) -> set[str]:
    page = await browser.get(f"{HISTORY}?{query}")
    assert page.status_code == 200, page.text
    return set(re.findall(r'class="cut" title="(\w+)"', page.text))


async def test_each_row_shows_the_last_response_its_duration_and_the_attempts(browser: Browser, sent: Any) -> None:
    assert sent

    page = assert_harmless((await browser.get(HISTORY)).text)

    texts = " | ".join(" ".join(row.text.split()) for row in page.all("tr")[1:])
    for expected in ("Timed out 1,102 ms 2 JD0001", "503 1,101 ms 1 JD0002", "204 1,101 ms 1 JD0003", " 0 JD0004"):
        assert expected in texts


FOUND: dict[str, set[str]] = {
    "search=JD00": {"JD0001", "JD0002", "JD0003", "JD0004"},
    "search=jd 0002": {"JD0002"},
    "search=0003": {"JD0003"},
    "search=DE-4": {"JD0004"},
    "search=%23DE-1": {"JD0001"},
    "search=D000": set(),
    "tracking_number=JD0001": {"JD0001"},
    "answered=timed_out": {"JD0001"},
    "answered=http_5xx": {"JD0002"},
    "answered=error": {"JD0001", "JD0002"},
    "answered=succeeded": {"JD0003"},
    "answered=none": {"JD0004"},
    "answered=error&state=failed": {"JD0002"},
    "answered=error&search=JD0001": {"JD0001"},
    "state=retrying": {"JD0001"},
    "state=waiting": {"JD0004"},
    "state=failed&test=none": {"JD0002"},
    "test=only": set(),
    "until=2020-01-01T00:00": set(),
}


async def test_deliveries_are_found_by_number_order_and_result(browser: Browser, sent: Any) -> None:
    assert sent

    assert {query: await numbers(browser, query) for query in FOUND} == FOUND


async def test_a_whole_webhook_id_or_delivery_id_finds_what_a_receiver_has_logged(
    portal: Portal, browser: Browser, sent: Any
) -> None:
    one = sent["JD0002"]
    stranger = await portal.account("other@example.com")
    theirs = await portal.visitor("other@example.com")

    assert await numbers(browser, f"search={one['event_id']}") == {"JD0002"}
    assert await numbers(browser, f"search={one['id']}") == {"JD0002"}
    assert await numbers(browser, f"search={one['id']}&state=delivered") == set()
    assert stranger.account
    for text in (one["event_id"], one["id"], "JD"):
        assert await numbers(theirs, f"search={text}") == set()


async def test_the_webhook_id_of_a_test_finds_the_test(portal: Portal, shop: Caller, browser: Browser) -> None:
    endpoint = await portal.endpoint(shop)
    async with portal.database.engine.acquire() as session:
        delivery = await queue.add_test(session, shop.account, id_of(endpoint), sample="transit", random=(5, 6))
        event = await session.fetchval("select event from due where id = $1", delivery)

    assert delivery is not None
    page = await browser.get(f"{HISTORY}?search={ids.to_text(ids.EVENT, event)}")

    assert f"{HISTORY}/{ids.to_text(ids.DELIVERY, delivery)}" in page.text


async def test_a_rare_result_is_found_by_examining_a_bounded_number_per_page(
    browser: Browser, sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sent
    monkeypatch.setattr(history_actions, "EXAMINED", 1)

    first = await browser.get(f"{HISTORY}?answered=timed_out")
    more = Document(first.text).all("a")
    query = next(one.attributes["href"] for one in more if "cursor=" in one.attributes["href"])
    second = await browser.get(query)

    assert "No matches among the newest deliveries." in first.text
    assert "JD0001" in second.text


async def test_a_search_that_matches_too_much_says_so(
    browser: Browser, sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sent
    monkeypatch.setattr(searched, "MOST_PARCELS", 2)

    answer = await browser.get(f"{HISTORY}?search=JD")

    assert "only the first" in answer.text
    assert "only the first" not in (await browser.get(f"{HISTORY}?search=JD0001")).text


REJECTED = {
    "state=xx": "state",
    "answered=418": "answered",
    "endpoint=ep_x": "endpoint",
    "test=xx": "test",
    "since=2026-02-01T00:00&until=2026-01-01T00:00": "until",
    "search=" + "x" * 101: "search",
}


async def test_every_rejected_filter_says_why_at_its_field(browser: Browser) -> None:
    for query, field in REJECTED.items():
        answer = await browser.get(f"{HISTORY}?{query}")

        assert answer.status_code == 422
        assert assert_harmless(answer.text).all("p", id=f"{field}-error"), query


async def test_the_page_exports_what_it_shows(browser: Browser, sent: Any) -> None:
    assert sent

    page = Document((await browser.get(f"{HISTORY}?state=failed")).text)

    (link,) = [one.attributes["href"] for one in page.all("a") if one.text == "Export CSV"]
    assert "JD0002" in (exported := (await browser.get(link)).text)
    assert "JD0001" not in exported


async def test_the_filtered_history_is_exported_without_formulas(shop: Caller, browser: Browser, sent: Any) -> None:
    await shop.call("PATCH", f"/v1/endpoints/{sent['JD0002']['endpoint_id']}", json={"description": "=cmd()"})

    file = await browser.get(f"{HISTORY}/export.csv?answered=error")

    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert file.headers["content-type"].startswith("text/csv")
    assert [(row["tracking_number"], row["result"], row["http_status"], row["attempts"]) for row in rows] == [
        ("JD0002", "http_5xx", "503", "1"),
        ("JD0001", "timed_out", "", "2"),
    ]
    assert {row["endpoint"] for row in rows} == {"'=cmd()"}
    assert {row["delivery_id"] for row in rows} == {sent["JD0001"]["id"], sent["JD0002"]["id"]}


async def test_a_page_of_the_history_needs_a_fixed_number_of_statements(browser: Browser, sent: Any) -> None:
    assert sent
    before = SENT.total()

    await browser.get(f"{HISTORY}?search=JD&answered=error")

    assert SENT.total() - before < 16


async def test_times_are_shown_and_read_in_the_visitors_own_time_zone(browser: Browser, sent: Any) -> None:
    wrong = await browser.post("/settings/time-zone", form={"time_zone": "Mars/Olympus"})
    await browser.post("/settings/time-zone", form={"time_zone": "Asia/Kolkata"})
    page = await browser.get(HISTORY)
    since, until = (datetime.now(ZoneInfo("Asia/Kolkata")) + timedelta(minutes=one) for one in (-30, 30))
    query = f"since={since:%Y-%m-%dT%H:%M}&until={until:%Y-%m-%dT%H:%M}"
    utc = datetime.now(UTC)

    assert wrong.status_code == 422
    assert "time_zone-error" in wrong.text
    assert "Times are in Asia/Kolkata." in page.text
    assert " IST" in page.text
    assert await numbers(browser, query) == set(sent)
    assert await numbers(browser, f"since={utc + timedelta(hours=6):%Y-%m-%dT%H:%M}") == set()
    await browser.post("/settings/time-zone", form={"time_zone": ""})
    assert "Times are in UTC." in (await browser.get(HISTORY)).text
