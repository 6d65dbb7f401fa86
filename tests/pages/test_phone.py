"""On a phone: the navigation folds, tables become cards, and everything to press is large enough for a finger."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import NARROW, WIDE
from tests.support.portal import FILLED, Portal

SMALLEST = 44
PATHS = (
    *(
        "/",
        "/trackings",
        "/developer/webhooks",
        "/developer/webhooks/{failing}",
        "/developer/webhooks/{off}/deliveries",
    ),
    *("/developer/webhooks/{failing}/settings", "/developer/webhooks/history", "/developer/apikeys", "/settings"),
    *("/settings/alerts?service=slack", "/sources", "/sources/unread", "/incidents", "/developer/webhooks?do=add"),
)
SMALL_TARGETS = """least => [...document.querySelectorAll(
    "button, .button, summary, .tabs a, .side a, .menu-item, select, input")]
    .filter(one => !["radio", "checkbox", "hidden"].includes(one.type))
    .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < least - 0.5)
    .map(one => `${one.tagName} ${one.textContent.trim() || one.name} ${one.getBoundingClientRect().height}`)"""
CUT_OFF = """() => [...document.querySelectorAll(".rows td, .rows a, .rows button")]
    .filter(one => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth)
    .map(one => one.textContent.trim())"""


@pytest.fixture(scope="module")
def phone(portal: Portal) -> Iterator[Page]:
    context = portal.context(FILLED, viewport=NARROW, has_touch=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_cut_off_or_too_small_for_a_finger(portal: Portal, phone: Page, path: str) -> None:
    _, failing, _, off = portal.endpoints
    phone.goto(path.format(failing=failing, off=off))

    assert phone.evaluate(SMALL_TARGETS, SMALLEST) == []
    assert phone.evaluate(CUT_OFF) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


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


@pytest.mark.parametrize(
    "path", ["/trackings", "/developer/webhooks/history", "/developer/webhooks/{failing}/deliveries"]
)
def test_no_column_is_hidden_in_an_ordinary_window(portal: Portal, visit, path: str) -> None:
    page = visit(FILLED, path.format(failing=portal.endpoints[1]), viewport=WIDE)

    hidden = page.evaluate("[...document.querySelectorAll('.table')].map(one => one.scrollWidth - one.clientWidth)")

    assert hidden
    assert max(hidden) <= 0
