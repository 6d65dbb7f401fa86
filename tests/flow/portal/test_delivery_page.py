"""The page of a delivery lists every attempt and shows one in full, so that the page stays small."""

import json
import re

import pytest

from tests.flow.portal.test_escaping import HOME, attempt, report
from tests.support.api import Caller
from tests.support.visiting import Browser, Portal, assert_harmless

ATTEMPTS = 15
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
        ("Request", str(in_full)),
        ("Response", str(in_full)),
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
