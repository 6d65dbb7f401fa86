"""On a phone the navigation folds and tables become cards; on a wide screen tables show all their columns."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import NARROW, WIDE
from tests.support.portal import FILLED, Portal
from tests.support.seeding import report


@pytest.fixture(scope="module")
def phone(portal: Portal) -> Iterator[Page]:
    context = portal.context(FILLED, viewport=NARROW, has_touch=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_the_cells_of_a_card_have_the_headings_of_their_columns(phone: Page) -> None:
    phone.goto("/developer/webhooks/history")

    cells = phone.locator("tbody tr").first.locator("td[data-label]")
    labels = [cell.get_attribute("data-label") for cell in cells.all()]

    assert {"When", "State", "Attempts", "Parcel", "Endpoint"} <= set(labels)
    shown = cells.first.evaluate("one => getComputedStyle(one, '::before').content")
    assert shown == f'"{labels[0]}"'


def test_the_navigation_unfolds_without_a_script(visit) -> None:
    page = visit(FILLED, "/settings", viewport=NARROW, java_script_enabled=False)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(0)

    page.get_by_role("button", name="Menu", exact=True).click()

    navigation = page.get_by_role("navigation", name="Main")
    expect(navigation.get_by_role("link", name="Settings")).to_have_attribute("aria-current", "page")
    navigation.get_by_role("link", name="Webhook history").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook history")


def test_the_cells_of_a_row_share_its_lines(visit) -> None:
    page = visit(FILLED, "/settings", viewport=WIDE)

    tops = page.evaluate("[...document.querySelector('tbody tr').cells].map(one => one.getBoundingClientRect().top)")

    assert len(tops) == 4
    assert len(set(tops)) == 1


def test_no_column_is_hidden_in_an_ordinary_window_not_even_by_a_number_of_64_characters(portal: Portal, visit) -> None:
    api, email = portal.account("long@example.com"), "long@example.com"
    endpoint = api.post("/v1/endpoints", {"url": f"{portal.hooks.url}/broken/long", "description": "x" * 200})["id"]
    report(api, "L" * 64, 1)
    page = visit(email, "/", viewport=WIDE)

    for path in ("/trackings", "/developer/webhooks/history", f"/developer/webhooks/{endpoint}/deliveries"):
        page.goto(path)
        hidden = page.evaluate("[...document.querySelectorAll('.table')].map(one => one.scrollWidth - one.clientWidth)")
        assert page.get_by_text("L" * 64).count()
        assert max(hidden) <= 0, path
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
        cut = page.get_by_text("L" * 64).first.evaluate("one => one.scrollWidth - one.clientWidth")
        assert cut <= 0, path
        page.set_viewport_size(WIDE)
