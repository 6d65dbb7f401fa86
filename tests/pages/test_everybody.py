"""Every page is accessible (axe), fits a phone, and requests nothing from other servers."""

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
    *(f"/developer/webhooks/{{failing}}/{tab}" for tab in ("deliveries", "test", "set-up", "settings")),
    *(f"/developer/webhooks/{{healthy}}?do={name}" for name in ("update", "test", "disable", "delete", "rotate")),
    "/developer/webhooks/{healthy}?do=recover",
    "/developer/webhooks/{healthy}?do=test&result={tested}",
    "/developer/webhooks/{off}?do=enable",
    "/developer/webhooks/history",
    "/developer/webhooks/history?state=lost",
    "/developer/webhooks/history/{retrying}",
    "/developer/specifications?version=V3&status=transit",
    "/developer/outgoing-ips",
    "/developer/debugger",
    "/developer/apikeys",
    "/developer/apikeys?do=add",
    "/developer/apikeys?revoke={key}",
    "/trackings/import",
    *("/sources", "/sources/unread", "/sources/unread?do=clear"),
    *("/sources/connect", "/sources/connect?search=nobody", "/sources/connect/ups"),
    *("/sources/connect-push/woocommerce", "/sources/connect-push/order-shipped"),
    "/sources/{connection}",
    *(f"/sources/{{connection}}?do={name}" for name in ("update", "credentials", "disable", "delete")),
    *(
        "/settings",
        "/settings?do=add",
        "/settings/audit",
        "/incidents",
        "/settings/alerts?service=telegram",
        "/settings/alerts/{channel}",
        "/settings/alerts/{channel}?do=delete",
    ),
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
    *("/", "/trackings", "/sources"),
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
    """Return the ids in the paths."""
    healthy, failing, long, off = portal.endpoints
    retrying = portal.seeded.get("/v1/deliveries?state=retrying")["items"][0]["id"]
    tested = portal.seeded.get(f"/v1/deliveries?test=true&endpoint={failing}")["items"][0]["id"]
    page = portal.context(FILLED).new_page()
    page.goto("/developer/apikeys")
    key = (page.get_by_role("link", name="Revoke").first.get_attribute("href") or "").partition("=")[2]
    page.context.close()
    target = {"url": f"{portal.hooks.url}/ok/alerts"}
    channel = portal.seeded.post("/v1/alert-channels", {"service": "slack", "name": "On call", "target": target})
    return {
        "channel": channel["id"],
        "key": key,
        "connection": portal.connections[0],
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
def windows(portal: Portal) -> Iterator[dict[str | None, Page]]:
    """Return a page for each user, created once; without motion, so that colours have their final values at once."""
    pages = {email: portal.context(email, reduced_motion="reduce").new_page() for email in (None, EMPTY, FILLED)}
    yield pages
    for page in pages.values():
        page.context.close()


def judge(page: Page) -> None:
    """Run axe on a page in light mode, then only its colour checks in dark mode, where nothing else differs."""
    page.emulate_media(color_scheme="light")
    in_light = AXE.run(page)
    page.emulate_media(color_scheme="dark")
    in_dark = AXE.run(page, options={"runOnly": ["color-contrast"], "resultTypes": ["violations"]})
    for found in (in_light, in_dark):
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize(("email", "path"), PATHS, ids=lambda value: str(value or "nobody"))
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
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert set(asked) == {page.url.split("/")[2]}
    page.remove_listener("request", note)


@pytest.mark.parametrize("menu", ["Actions", "Shop"])
def test_an_open_menu_has_no_axe_violations(windows: dict[str | None, Page], places: dict[str, str], menu: str) -> None:
    page = windows[FILLED]
    page.set_viewport_size(WIDE)
    page.goto(f"/developer/webhooks/{places['healthy']}")
    page.get_by_role("button", name=menu, exact=True).click()

    judge(page)


def test_a_page_stays_small(windows: dict[str | None, Page], places: dict[str, str]) -> None:
    page = windows[FILLED]
    for path in (*FILLED_PATHS, *TRACK_PATHS):
        answer = page.request.get(path.format(**places))
        assert len(answer.body()) < 100_000, path
