"""``make screenshots``: every page in light and dark, wide and narrow, into build/screenshots; pictures for the guides.

The server has a filled and an empty account, as in the tests of the pages.
"""

import shutil
import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.support.browsing import CHROMIUM, HOW_TO_INSTALL, NARROW, WIDE
from tests.support.portal import EMPTY, FILLED, Portal, running_portal
from tests.support.run import make_folders, watched

ROOT: Final = Path(__file__).resolve().parents[1]
EVERYTHING: Final = ROOT / "build" / "screenshots"
GUIDES: Final = ROOT / "docs" / "webhooks" / "images"
GUIDE_WINDOW: Final = {"width": 1040, "height": 760}

PAGES: Final = {
    "login": (None, "/login"),
    "overview-empty": (EMPTY, "/"),
    "overview": (FILLED, "/"),
    "overview-week": (FILLED, "/?span=week"),
    "trackings-empty": (EMPTY, "/trackings"),
    "trackings": (FILLED, "/trackings"),
    "trackings-add": (FILLED, "/trackings?do=add"),
    "tracking": (FILLED, "/trackings/{parcel}"),
    "tracking-delete": (FILLED, "/trackings/{parcel}?do=delete"),
    "webhooks-empty": (EMPTY, "/developer/webhooks"),
    "add": (EMPTY, "/developer/webhooks?do=add"),
    "history-empty": (EMPTY, "/developer/webhooks/history"),
    "webhooks": (FILLED, "/developer/webhooks"),
    "webhook": (FILLED, "/developer/webhooks/{healthy}"),
    "webhook-failing": (FILLED, "/developer/webhooks/{failing}"),
    "webhook-long": (FILLED, "/developer/webhooks/{long}"),
    "webhook-off": (FILLED, "/developer/webhooks/{off}"),
    "webhook-deliveries": (FILLED, "/developer/webhooks/{off}/deliveries"),
    "webhook-tests": (FILLED, "/developer/webhooks/{healthy}/test"),
    "webhook-settings": (FILLED, "/developer/webhooks/{healthy}/settings"),
    "secret": (FILLED, "/developer/webhooks/{healthy}/set-up?do=secret#secret"),
    "update": (FILLED, "/developer/webhooks/{healthy}?do=update"),
    "test": (FILLED, "/developer/webhooks/{healthy}?do=test"),
    "test-result": (FILLED, "/developer/webhooks/{healthy}?do=test&result={tested}"),
    "test-failed": (FILLED, "/developer/webhooks/{failing}?do=test&result={broken}"),
    "disable": (FILLED, "/developer/webhooks/{failing}?do=disable"),
    "enable": (FILLED, "/developer/webhooks/{off}?do=enable"),
    "delete": (FILLED, "/developer/webhooks/{failing}?do=delete"),
    "recover": (FILLED, "/developer/webhooks/{failing}?do=recover"),
    "rotate": (FILLED, "/developer/webhooks/{healthy}?do=rotate"),
    "history": (FILLED, "/developer/webhooks/history"),
    "history-error": (FILLED, "/developer/webhooks/history?tracking_number=%2A"),
    "delivery": (FILLED, "/developer/webhooks/history/{retrying}"),
    "specifications": (FILLED, "/developer/specifications"),
    "outgoing-ips": (FILLED, "/developer/outgoing-ips"),
    "debugger": (FILLED, "/developer/debugger"),
    "api-keys": (FILLED, "/developer/apikeys"),
    "api-key-add": (FILLED, "/developer/apikeys?do=add"),
    "sources-empty": (EMPTY, "/sources"),
    "sources": (FILLED, "/sources"),
    "unread-scans": (FILLED, "/sources/unread"),
    "connect": (FILLED, "/sources/connect"),
    "connect-carrier": (FILLED, "/sources/connect/ups"),
    "connection": (FILLED, "/sources/{connection}"),
    "connection-update": (FILLED, "/sources/{connection}?do=update"),
    "connection-credentials": (FILLED, "/sources/{connection}?do=credentials"),
    "connection-delete": (FILLED, "/sources/{connection}?do=delete"),
    "trackings-import": (FILLED, "/trackings/import"),
    "settings": (FILLED, "/settings"),
    "settings-add": (FILLED, "/settings?do=add"),
    "audit": (FILLED, "/settings/audit"),
    "alerts": (FILLED, "/settings/alerts?service=telegram"),
    "alert-channel": (FILLED, "/settings/alerts/{channel}"),
    "alert-channel-delete": (FILLED, "/settings/alerts/{channel}?do=delete"),
    "incidents": (FILLED, "/incidents"),
    "docs": (FILLED, "/docs"),
    "docs-trackings": (None, "/docs/api-v4-trackings"),
    "help": (FILLED, "/help"),
    "guide": (FILLED, "/help/webhooks/retry"),
    "nothing": (FILLED, "/nothing-here"),
    "track": (None, "{moving}?lang=en"),
    "track-de": (None, "{arrived}?lang=de"),
    "track-zh": (None, "{moving}?lang=zh"),
    "track-embedded": (None, "{moving}?embed=1"),
    "track-nothing": (None, "/track/nothing?lang=de"),
}
"""The pages, by the names of their pictures."""

IN_GUIDES: Final = (
    *("webhooks-empty", "add", "webhook", "update", "test", "test-result", "disable", "delete", "rotate", "history"),
    *("delivery", "specifications", "outgoing-ips", "debugger"),
)
"""The pictures in the guides."""


def main() -> int:
    """Take all pictures, and return the exit code: 1 without a browser."""
    if CHROMIUM is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    shutil.rmtree(EVERYTHING, ignore_errors=True)
    EVERYTHING.mkdir(parents=True)
    GUIDES.mkdir(parents=True, exist_ok=True)
    with watched(*make_folders()), running_portal() as portal:
        places = _places(portal)
        for name, (email, path) in PAGES.items():
            _take_everywhere(portal, name, email, path.format(**places))
            if name in IN_GUIDES:
                _take(portal, email, path.format(**places), GUIDES / f"{name}.png", viewport=GUIDE_WINDOW)
            print(name, file=sys.stderr)
    return 0


def _take_everywhere(portal: Portal, name: str, email: str | None, path: str) -> None:
    for theme in ("light", "dark"):
        for size, viewport in (("wide", WIDE), ("narrow", NARROW)):
            file = EVERYTHING / f"{name}-{theme}-{size}.png"
            _take(portal, email, path, file, viewport=viewport, color_scheme=theme)


def _take(portal: Portal, email: str | None, path: str, file: Path, **options: Any) -> None:
    context = portal.context(email, **options)
    page = context.new_page()
    page.goto(path)
    if "debugger" in path:
        _debug(portal, page)
    # A dialog covers the window, not the page.
    page.screenshot(path=file, full_page=file.parent == EVERYTHING and "?do=" not in path)
    context.close()


def _debug(portal: Portal, page: Page) -> None:
    """Fill the debugger with a webhook that was changed in transit."""
    hook = portal.hooks.wait_for("/ok")[0]
    secret = portal.seeded.get(f"/v1/endpoints/{portal.endpoints[0]}/secret")["previous"]["secret"]
    page.get_by_label("Body").fill(hook.body.decode().replace("SEED0001", "SEED0009"))
    page.get_by_label("Headers").fill("\n".join(f"{name}: {value}" for name, value in hook.headers.items()))
    page.get_by_label("Secret").fill(secret)
    page.get_by_role("button", name="Check").click()


def _places(portal: Portal) -> dict[str, str]:
    healthy, failing, long, off = portal.endpoints

    def first(query: str) -> str:
        return str(portal.seeded.get(f"/v1/deliveries?{query}")["items"][0]["id"])

    target = {"url": f"{portal.hooks.url}/ok/alerts"}
    channel = portal.seeded.post("/v1/alert-channels", {"service": "slack", "name": "On call", "target": target})
    return {
        "channel": str(channel["id"]),
        "healthy": healthy,
        "connection": portal.connections[0],
        "failing": failing,
        "long": long,
        "off": off,
        "retrying": first("state=retrying"),
        "tested": first(f"test=true&endpoint={healthy}"),
        "broken": first(f"test=true&endpoint={failing}"),
        "moving": portal.track_path(FILLED, "SEED0004"),
        "parcel": portal.tracking(FILLED, "SEED0001"),
        "arrived": portal.track_path(FILLED, "SEED0003"),
    }


if __name__ == "__main__":
    sys.exit(main())
