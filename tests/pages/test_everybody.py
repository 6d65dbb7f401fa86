"""Every page is accessible (axe), fits a phone, is small, requests nothing from other servers, and works by keyboard.

The pages are those of the routes. The suite looks at one or two addresses of each in both themes; `make faults` looks
at all of them, with every dialog open, at both widths, and presses Tab through them.
"""

import gzip
import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, ViewportSize

from tests.support.browsing import NARROW, WIDE
from tests.support.places import EVERYWHERE, NOT_PAGES, PLACES, PUBLIC, SAMPLE, find_places, routes
from tests.support.portal import EMPTY, FILLED, Portal

AXE = Axe()
LARGEST = 100_000
"""The bytes of a page on the wire."""

SMALLEST = 44
KEYBOARD_SAMPLE = {
    "/trackings",
    "/developer/webhooks/{failing}",
    "/developer/webhooks/history",
    "/settings/alerts?service=telegram",
}
SMALL_TARGETS = """least => [...document.querySelectorAll(
    "button, .button, summary, .tabs a, .side a, .menu-item, select, input")]
    .filter(one => !["radio", "checkbox", "hidden"].includes(one.type))
    .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < least - 0.5)
    .map(one => `${one.tagName} ${one.textContent.trim() || one.name} ${one.getBoundingClientRect().height}`)"""
CUT_OFF = """() => [...document.querySelectorAll(".rows td, .rows a, .rows button")]
    .filter(one => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth)
    .map(one => one.textContent.trim())"""
CONTROLS = """() => {
    const groups = new Set();
    const shown = one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.type !== "hidden";
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
    const open = document.querySelector("dialog:modal");
    const wanted = all.filter(shown).filter(one => !open || open.contains(one)).filter(one => {
        if (one.type !== "radio") return true;
        const first = !groups.has(one.name);
        groups.add(one.name);
        return first;  // a group is one stop
    });
    wanted.forEach((one, place) => { one.dataset.stop = place; });
    return wanted.map(one => one.outerHTML.slice(0, 120));
}"""
FOCUSED = """() => {
    const one = document.activeElement;
    const named = one.type === "radio" && !one.dataset.stop
        ? document.querySelector(`input[type=radio][data-stop][name="${CSS.escape(one.name)}"]`) : one;
    const style = getComputedStyle(one);
    const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    const box = one.getBoundingClientRect();
    return [named?.dataset?.stop ?? null, visible && box.width > 0 && box.height > 0];
}"""


@pytest.fixture(scope="module")
def places(portal: Portal) -> dict[str, str]:
    """Return the ids in the addresses."""
    return find_places(portal)


@pytest.fixture(scope="module")
def windows(portal: Portal) -> Iterator[dict[str | None, Page]]:
    """Return a page for each user, created once; without motion, so that colours have their final values at once."""
    pages = {email: portal.context(email, reduced_motion="reduce").new_page() for email in (None, EMPTY, FILLED)}
    yield pages
    for page in pages.values():
        page.context.close()


def test_every_route_has_an_address_here() -> None:
    assert routes() == {*PLACES, *PUBLIC, *NOT_PAGES}
    assert {path for _, path in EVERYWHERE} >= KEYBOARD_SAMPLE


def judge(page: Page, *, whole: bool = False) -> None:
    """Run axe on a page in light mode, then only its colour checks in dark mode, where nothing else differs."""
    page.emulate_media(color_scheme="light")
    in_light = AXE.run(page)
    page.emulate_media(color_scheme="dark")
    colours = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
    in_dark = AXE.run(page, options=None if whole else colours)
    for found in (in_light, in_dark):
        assert found.violations_count == 0, found.generate_report()


def fits_a_phone(page: Page) -> None:
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.evaluate(SMALL_TARGETS, SMALLEST) == []
    assert page.evaluate(CUT_OFF) == []


@pytest.mark.parametrize(("email", "path"), SAMPLE, ids=lambda value: str(value or "nobody"))
def test_pages_have_no_axe_violations_in_light_and_dark_and_fit_a_phone(
    windows: dict[str | None, Page], places: dict[str, str], email: str | None, path: str
) -> None:
    page = windows[email]
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.split("/")[2])

    page.on("request", note)
    page.set_viewport_size(WIDE)
    page.goto(path.format(**places))

    judge(page)
    fits_a_phone(page)
    assert set(asked) == {page.url.split("/")[2]}
    page.remove_listener("request", note)


@pytest.mark.faults
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize(("email", "path"), EVERYWHERE, ids=lambda value: str(value or "nobody"))
def test_every_dialog_and_detail_of_every_page_has_no_axe_violations(
    windows: dict[str | None, Page], places: dict[str, str], email: str | None, path: str, size: ViewportSize
) -> None:
    page = windows[email]
    page.set_viewport_size(size)
    page.goto(path.format(**places))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    judge(page, whole=True)
    dialogs = page.locator("dialog")
    for place in range(dialogs.count()):
        dialogs.nth(place).evaluate("one => { one.close(); one.showModal(); }")
        judge(page, whole=True)
        if size is NARROW:
            fits_a_phone(page)
        dialogs.nth(place).evaluate("one => one.close()")


def press_through(page: Page) -> None:
    """Press Tab until every control had the focus, visibly."""
    wanted = page.evaluate(CONTROLS)
    reached: set[str] = set()
    for _ in range(2 * len(wanted) + 10):
        page.keyboard.press("Tab")
        stop, visible = page.evaluate(FOCUSED)
        if stop is not None:
            assert visible, f"the focus of {wanted[int(stop)]} is not visible"
            reached.add(stop)
        if len(reached) == len(wanted):
            break
    assert [one for place, one in enumerate(wanted) if str(place) not in reached] == []


def keyboard_places() -> Iterator[pytest.ParameterSet]:
    """Yield every page at both widths; the suite presses through some of them only."""
    for email, path in EVERYWHERE:
        for size, name in ((WIDE, "wide"), (NARROW, "narrow")):
            in_suite = size is WIDE and email == FILLED and path in KEYBOARD_SAMPLE
            marks = () if in_suite else (pytest.mark.faults,)
            yield pytest.param(email, path, size, id=f"{email or 'nobody'}-{path}-{name}", marks=marks)


@pytest.mark.parametrize(("email", "path", "size"), list(keyboard_places()))
def test_the_keyboard_reaches_every_control_visibly(
    windows: dict[str | None, Page], places: dict[str, str], email: str | None, path: str, size: ViewportSize
) -> None:
    page = windows[email]
    page.set_viewport_size(size)
    page.goto(path.format(**places))

    press_through(page)


@pytest.fixture(scope="module")
def sent(
    portal: Portal, windows: dict[str | None, Page], places: dict[str, str]
) -> dict[tuple[str | None, str], bytes]:
    """Return every page as it was sent, compressed."""
    found = {}
    with ExitStack() as stack:
        clients = {}
        for email, page in windows.items():
            cookies = {one["name"]: one["value"] for one in page.context.cookies()}
            clients[email] = stack.enter_context(httpx.Client(base_url=portal.url, cookies=cookies))
        for email, path in EVERYWHERE:
            with clients[email].stream("GET", path.format(**places)) as answer:
                found[email, path] = b"".join(answer.iter_raw())
    return found


def test_every_page_is_small_on_the_wire(sent: dict[tuple[str | None, str], bytes]) -> None:
    assert {place: len(page) for place, page in sent.items() if len(page) >= LARGEST} == {}


def test_without_a_script_every_form_can_be_sent_and_no_button_is_dead(
    sent: dict[tuple[str | None, str], bytes],
) -> None:
    wrong = {}
    for place, page in sent.items():
        text = (gzip.decompress(page) if page[:2] == b"\x1f\x8b" else page).decode()
        forms = re.findall(r"<form\b.*?</form>", text, re.DOTALL)
        stuck = [form for form in forms if not re.search(r"<button(?![^>]*type=\"button\")", form)]
        dead = [one for one in re.findall(r"<button[^>]*>", text) if 'type="button"' in one and "hidden" not in one]
        if stuck or dead:
            wrong[place] = stuck + dead

    assert wrong == {}


@pytest.mark.parametrize("menu", ["Actions", "Shop"])
def test_an_open_menu_has_no_axe_violations(windows: dict[str | None, Page], places: dict[str, str], menu: str) -> None:
    page = windows[FILLED]
    page.set_viewport_size(WIDE)
    page.goto(f"/developer/webhooks/{places['healthy']}")
    page.get_by_role("button", name=menu, exact=True).click()

    judge(page)
