"""The page of a delivery lists every attempt and shows one in full, so that the page stays small."""

import json
import re

import pytest

from tests.flow.portal.test_escaping import HOME, attempt, report
from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.signing.rotation import Secrets, standard_headers, v4_headers

ATTEMPTS = 15
SECRET = "a secret of sixteen characters"
ANSWER = json.dumps({f"error {number}": [True, number, "no"] for number in range(60)}).encode()


@pytest.fixture
async def delivery(portal: Portal, shop: Caller) -> str:
    """Return a delivery with the maximum number of failed attempts and long responses."""
    await portal.endpoint(shop)
    made = await report(shop)
    for _ in range(ATTEMPTS):
        await attempt(portal, made, ANSWER)
    return made


@pytest.mark.parametrize(("query", "in_full"), [("", 15), ("?attempt=15", 15), ("?attempt=3", 3), ("?attempt=99", 15)])
async def test_every_attempt_is_listed_and_one_is_shown_in_full(
    browser: Browser, delivery: str, query: str, in_full: int
) -> None:
    here = f"{HOME}/history/{delivery}"

    answer = await browser.get(here + query)

    page = assert_harmless(answer.text)
    told = [heading.attributes["id"] for heading in page.all("h2") if "Attempt" in heading.text]
    assert told == [f"attempt-{number}" for number in range(ATTEMPTS, 0, -1)]
    assert re.findall(r'aria-label="(\w+) body of attempt (\d+)"', answer.text) == [
        ("Response", str(in_full)),
        ("Request", str(in_full)),
    ]
    links = {one.attributes["href"] for one in page.all("a") if "?attempt=" in one.attributes["href"]}
    others = set(range(1, ATTEMPTS + 1)) - {in_full}
    assert links == {f"{here}?attempt={number}#attempt-{number}" for number in others}
    assert len(answer.content) < 100_000


async def test_exact_times_are_shown_beside_relative_ones_in_the_time_zone_of_the_account(
    browser: Browser, portal: Portal, delivery: str
) -> None:
    await portal.database.serving.execute("update account set time_zone = 'Asia/Kolkata'")

    page = (await browser.get(f"{HOME}/history/{delivery}")).text

    assert re.search(r">(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d IST</time> <span class=\"ago\">\(", page)
    assert " UTC" not in page


async def fail(portal: Portal, delivery: str, *, paused: str = "40 seconds") -> None:
    """Let the endpoint of a delivery fail, and its breaker be open for this long."""
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, failing_since, last_error, paused_until)"
        " select endpoint, now() - interval '1 hour', 'http_5xx', now() + $2::text::interval from due where id = $1",
        *(id_of(delivery), paused),
    )


async def shown(browser: Browser, delivery: str) -> Document:
    return assert_harmless((await browser.get(f"{HOME}/history/{delivery}")).text)


def heading(page: Document) -> str:
    (one,) = page.all("h1")
    return one.text


async def test_the_heading_says_what_happened_to_the_delivery_and_why_it_waits(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop)
    made = await report(shop)
    seen = [await shown(browser, made)]
    await attempt(portal, made, b"no")
    await portal.database.serving.execute("update due set next_at = now() + interval '10 minutes'")
    seen.append(await shown(browser, made))
    await fail(portal, made)
    seen.append(await shown(browser, made))

    assert [heading(one) for one in seen] == ["Waiting", "Retrying: 500", "Held: 500"]
    assert "Due now" in seen[0].text
    assert "Next attempt:" in seen[1].text
    assert "Held: the endpoint is failing since" in seen[2].text
    assert "Next attempt:" in seen[2].text
    assert "ago" not in seen[2].text.partition("Next attempt:")[2][:40]


async def test_a_delivery_behind_an_earlier_event_says_so_and_its_neighbours_are_linked(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop)
    first = await report(shop)
    scan = {"checkpoint_date": "2026-07-02T08:00:00", "tracking_detail": "Sent back", "location": ""}
    scan |= {"checkpoint_delivery_status": "exception", "checkpoint_delivery_substatus": "exception011"}
    second = await report(shop, checkpoints=[scan])

    page, before = await shown(browser, second), await shown(browser, first)

    links = {one.text: one.attributes["href"] for one in page.all("a")}
    assert "Queued behind an earlier event" in page.text
    assert links["an earlier delivery of this parcel"] == links["Previous delivery"] == f"{HOME}/history/{first}"
    assert "Retry now" not in page.text
    assert {one.attributes["href"] for one in before.all("a") if one.text == "Next delivery"} == {
        f"{HOME}/history/{second}"
    }


async def test_the_payload_is_shown_before_the_first_attempt(portal: Portal, shop: Caller, browser: Browser) -> None:
    await portal.endpoint(shop)
    made = await report(shop)

    page = await shown(browser, made)

    assert '"tracking_number": "A1"' in page.all("div", **{"aria-label": "Payload in JSON"})[0].text


async def test_the_response_comes_before_the_payload(browser: Browser, delivery: str) -> None:
    text = (await browser.get(f"{HOME}/history/{delivery}")).text

    assert text.index("Response body of attempt 15") < text.index("Request body of attempt 15")
    assert text.index('id="attempt-15"') < text.index('id="details"')


async def test_retry_now_makes_a_held_delivery_the_next_one_and_keeps_its_schedule(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop)
    made = await report(shop)
    other = await report(shop, tracking_number="B1")
    await attempt(portal, made, b"no")
    await portal.database.serving.execute(
        "update due set next_at = now() + interval '10 minutes' where id = $1", id_of(made)
    )
    await fail(portal, made)

    answer = await browser.post(f"{HOME}/history/{made}/retry")

    rows = await portal.database.serving.fetch("select id, tries from due order by next_at")
    assert answer.headers["location"] == f"{HOME}/history/{made}"
    assert [row["id"] for row in rows] == [id_of(made), id_of(other)]
    assert rows[0]["tries"] == 1
    assert "The response has not arrived yet" in (await shown(browser, made)).text


async def test_a_delivery_in_flight_is_not_retried(portal: Portal, shop: Caller, browser: Browser) -> None:
    await portal.endpoint(shop)
    made = await report(shop)
    await portal.database.serving.execute("update due set leased_until = now() + interval '1 minute'")

    await browser.post(f"{HOME}/history/{made}/retry")

    assert "being sent at this moment" in (await shown(browser, made)).text


async def test_an_attempts_signature_is_checked_with_the_endpoints_own_secret(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    endpoint = await portal.endpoint(shop, secret=SECRET)
    made = await report(shop)
    await attempt(portal, made, b"no")
    (link,) = [one.attributes["href"] for one in (await shown(browser, made)).all("a") if one.text == "Check signature"]

    form = assert_harmless((await browser.get(link)).text)
    (chosen,) = [one for one in form.all("option") if "selected" in one.attributes]
    body = form.all("textarea", name="body")[0].text
    sent = {"body": body, "headers": form.all("textarea", name="headers")[0].text, "endpoint": endpoint}
    checked = await browser.post("/developer/debugger", form=sent)
    await portal.account("other@example.com")
    stranger = await portal.visitor("other@example.com")

    assert chosen.attributes["value"] == endpoint
    assert '"tracking_number":"A1"' in body
    assert "Findings" in checked.text
    assert "a secret of sixteen" not in checked.text
    assert "A1" not in (await stranger.get(link)).text


async def test_the_debugger_marks_an_old_webhook_as_old_only_if_nothing_else_is_wrong(
    browser: Browser,
) -> None:
    at, event = 1_700_000_000, "evt_019ca825fc007000800000000000cafe"
    headers = (*v4_headers(Secrets(SECRET), at), *standard_headers(Secrets(SECRET), event, at, b"{}"))
    sent = {"body": "{}", "headers": "\n".join(f"{name}: {value}" for name, value in headers)}

    found = []
    for secret in (SECRET, "another secret of sixteen"):
        page = assert_harmless((await browser.post("/developer/debugger", form=sent | {"secret": secret})).text)
        found.append([(one.attributes["class"], one.text) for one in page.all("li") if "class" in one.attributes])

    right, wrong = found
    assert [verdict for verdict, _ in right] == ["old", "passed"] * 2
    assert "Standard Webhooks: old." in right[0][1]
    assert "This is expected if the webhook was captured earlier." in right[0][1]
    assert [verdict for verdict, _ in wrong] == ["failed"] * 4
