"""An endpoint's page in tabs, each with a URL of its own, and the list of endpoints: those that fail come first."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.flow.portal.test_headline import HOME, endpoints, fail, wait
from tests.flow.portal.test_overview import tally
from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, id_of
from waypost.domain import ids
from waypost.domain.incidents import Closed, Kind, NewIncident, Trouble
from waypost.store import incident_changes, incidents

TABS = {"": "Overview", "/deliveries": "Deliveries", "/test": "Test", "/set-up": "Set up", "/settings": "Settings"}


@pytest.mark.parametrize("tab", TABS)
async def test_every_tab_has_the_state_the_actions_and_links_to_the_others(
    portal: Portal, shop: Caller, browser: Browser, tab: str
) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await fail(portal, one, minutes=3, next_probe=30)
    await wait(portal, one, 2, minutes=3)
    here = f"{HOME}/{one}"

    page = assert_harmless((await browser.get(here + tab)).text)

    words = " ".join(page.text.split())
    assert "Failing since" in words
    assert "2 webhooks waiting, oldest" in words
    links = {link.attributes["href"]: link for link in page.all("a") if link.text in TABS.values()}
    assert [here + path in links for path in TABS] == [True] * len(TABS)
    assert links[here + tab].attributes["aria-current"] == "page"
    assert {"Update details", "Test endpoint", "Rotate secret", "Disable", "Delete"} <= {
        link.text for link in page.all("a", role="menuitem")
    }


async def test_a_new_endpoint_begins_with_its_secret_and_a_snippet(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    (one,) = await endpoints(portal, shop, 1)

    async def sections() -> list[str]:
        page = Document((await browser.get(f"{HOME}/{one}")).text)
        return [heading.text for heading in page.all("h2") if "-" not in heading.attributes["id"]]

    before = await sections()
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, last_success_at) select id, now() from endpoint"
    )
    after = await sections()

    assert before[:2] == ["Secret", "Verify a webhook"]
    assert after[:2] == ["Last 24 hours", "Last 30 days"]


async def test_the_last_30_days_and_their_outages_are_shown(portal: Portal, shop: Caller, browser: Browser) -> None:
    (one,) = await endpoints(portal, shop, 1)
    await tally(portal, one, delivered=3, failed=0, tries=5, ms=20)
    found = Trouble(shop.account, Kind.ENDPOINT_FAILING, ids.to_text(ids.ENDPOINT, id_of(one)), "It fails.")
    async with portal.database.serving.acquire() as session:
        await incident_changes.write_changes(session, [NewIncident(found)])
        (known,) = await incidents.open_ones(session, [Kind.ENDPOINT_FAILING])
        await incident_changes.write_changes(session, [Closed(known, "It is over.")])
    await portal.database.serving.execute(
        "insert into endpoint_health (endpoint, last_success_at) select id, now() from endpoint"
    )

    page = Document((await browser.get(f"{HOME}/{one}")).text)

    labels = [chart.attributes["aria-label"] for chart in page.all("svg", role="img")]
    assert labels[1] == ("30 days: 0 without failed attempts, 1 with some, 0 in which every attempt failed")
    today = datetime.now(UTC).date()
    days = [row.text for row in page.all("tr") if re.match(r"\d{4}-\d\d-\d\d\d", row.text)]
    assert len(days) == 30
    assert days[0] == f"{today}52"
    assert days[-1] == f"{today - timedelta(days=29)}00"
    outages = page.text.partition("Outages")[2].split()
    assert [word for word in outages[:10] if word == "to"] == ["to"]


async def test_failing_endpoints_come_first_with_what_waits_for_them(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    three = await endpoints(portal, shop, 3)
    await fail(portal, three[0], minutes=3)
    await wait(portal, three[0], 2, minutes=6)
    await portal.database.serving.execute(
        "update endpoint set enabled = false, disabled_reason = 'user' where id = $1", id_of(three[1])
    )

    page = assert_harmless((await browser.get(HOME)).text)

    cards = page.all("li", **{"class": "card"})
    assert [re.findall(r"hook/\d", card.text)[0] for card in cards] == ["hook/0", "hook/1", "hook/2"]
    assert re.search(r"Webhooks waiting\s*2\s*Webhooks succeeded within 5 minutes\s*0%", cards[0].text)
    assert "Try now" in cards[0].text
    menus = [link.attributes["href"] for link in page.all("a", role="menuitem") if "able" in link.text]
    assert menus == [
        f"{HOME}/{three[0]}?do=disable",
        f"{HOME}/{three[1]}?do=enable",
        f"{HOME}/{three[2]}?do=disable",
    ]


async def test_tabs_of_other_accounts_do_not_exist(portal: Portal, browser: Browser) -> None:
    other = await portal.account("other@example.com")
    (theirs,) = await endpoints(portal, other, 1)

    assert {(await browser.get(f"{HOME}/{theirs}{tab}")).status_code for tab in TABS} == {404}
