"""Every page for everybody: axe finds nothing, nothing is wider than a phone, nothing is asked of other servers."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

from tests.support.browsing import NARROW, WIDE
from tests.support.portal import EMPTY, FILLED, Portal

AXE = Axe()
FILLED_PATHS = (
    *("/", "/?span=week", "/trackings", "/trackings?do=add", "/trackings?status=x", "/trackings?search=nothing"),
    *("/trackings/{parcel}", "/trackings/{parcel}?do=delete"),
    "/developer/webhooks",
    "/developer/webhooks/{healthy}",
    "/developer/webhooks/{failing}?do=secret",
    "/developer/webhooks/{long}",
    *(f"/developer/webhooks/{{healthy}}?do={name}" for name in ("update", "test", "disable", "delete", "rotate")),
    "/developer/webhooks/{healthy}?do=recover",
    "/developer/webhooks/{healthy}?do=test&result={tested}",
    "/developer/webhooks/{off}?do=enable",
    "/developer/webhooks/history",
    "/developer/webhooks/history?state=failed&tracking_number=%2A",
    "/developer/webhooks/history/{retrying}",
    "/developer/specifications?version=V3&status=transit",
    "/developer/outgoing-ips",
    "/developer/debugger",
    "/developer/apikeys",
    "/developer/apikeys?do=add",
    "/developer/apikeys?revoke={key}",
    "/trackings/import",
    *("/settings", "/settings?do=add", "/settings/audit"),
    "/docs",
    "/docs/api-v4-trackings",
    "/help",
    "/help/index",
    "/help/webhooks/retry",
    "/help/how-to/verify",
    "/help/reference/settings",
    "/nothing-here",
)
EMPTY_PATHS = (
    *("/", "/trackings"),
    *("/developer/webhooks", "/developer/webhooks?do=add", "/developer/webhooks/history"),
    "/developer/webhooks/history?state=failed",
)
TRACK_PATHS = ("{moving}?lang=de", "{moving}?embed=1&lang=zh", "{arrived}", "/track/nothing")
PATHS = [
    (None, "/login"),
    (None, "/docs/api-v1-endpoints"),
    *[(None, path) for path in TRACK_PATHS],
    *[(EMPTY, path) for path in EMPTY_PATHS],
    *[(FILLED, path) for path in FILLED_PATHS],
]


@pytest.fixture(scope="module")
def places(portal: Portal) -> dict[str, str]:
    """Give the ids that stand in the paths."""
    healthy, failing, long, off = portal.endpoints
    retrying = portal.seeded.get("/v1/deliveries?state=retrying")["items"][0]["id"]
    tested = portal.seeded.get(f"/v1/deliveries?test=true&endpoint={failing}")["items"][0]["id"]
    page = portal.context(FILLED).new_page()
    page.goto("/developer/apikeys")
    key = (page.get_by_role("link", name="Revoke").first.get_attribute("href") or "").partition("=")[2]
    page.context.close()
    return {
        "key": key,
        "healthy": healthy,
        "failing": failing,
        "long": long,
        "off": off,
        "retrying": retrying,
        "tested": tested,
        "moving": portal.track_path(FILLED, "SEED0004"),
        "parcel": portal.tracking(FILLED, "SEED0003"),
        "arrived": portal.track_path(FILLED, "SEED0003"),
    }


@pytest.fixture(scope="module")
def windows(portal: Portal) -> Iterator[dict[tuple[str | None, str], Page]]:
    """Give a page for each user and theme, made once."""
    pages = {}
    for email in (None, EMPTY, FILLED):
        for theme in ("light", "dark"):
            context = portal.context(email, color_scheme=theme)
            pages[email, theme] = context.new_page()
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize(("email", "path"), PATHS, ids=lambda value: str(value or "nobody"))
def test_a_page_has_no_violations_in_light_and_dark_and_fits_a_phone(
    windows: dict[tuple[str | None, str], Page], places: dict[str, str], email: str | None, path: str
) -> None:
    for theme in ("light", "dark"):
        page = windows[email, theme]
        asked: list[str] = []

        def note(request: Request, asked: list[str] = asked) -> None:
            asked.append(request.url.split("/")[2])

        page.on("request", note)
        page.set_viewport_size(WIDE)
        page.goto(path.format(**places))

        found = AXE.run(page)

        assert found.violations_count == 0, found.generate_report()
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert set(asked) == {page.url.split("/")[2]}
        page.remove_listener("request", note)


@pytest.mark.parametrize("menu", ["Actions", "Shop"])
def test_an_open_menu_has_no_violations(
    windows: dict[tuple[str | None, str], Page], places: dict[str, str], menu: str
) -> None:
    for theme in ("light", "dark"):
        page = windows[FILLED, theme]
        page.set_viewport_size(WIDE)
        page.goto(f"/developer/webhooks/{places['healthy']}")
        page.get_by_role("button", name=menu, exact=True).click()

        found = AXE.run(page)

        assert found.violations_count == 0, found.generate_report()


def test_a_page_stays_small(windows: dict[tuple[str | None, str], Page], places: dict[str, str]) -> None:
    page = windows[FILLED, "light"]
    for path in (*FILLED_PATHS, *TRACK_PATHS):
        answer = page.goto(path.format(**places))
        assert answer is not None
        assert len(answer.body()) < 100_000, path
