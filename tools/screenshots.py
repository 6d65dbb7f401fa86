"""``make screenshots``: every page in light and dark, wide and narrow, into build/screenshots; pictures for the guides.

The server has a filled and an empty account, as in the tests of the pages.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.support.browsing import CHROMIUM, HOW_TO_INSTALL, NARROW, WIDE
from tests.support.places import EVERYWHERE, find_places
from tests.support.portal import EMPTY, FILLED, Portal, running_portal
from tests.support.run import make_folders, watched

ROOT: Final = Path(__file__).resolve().parents[1]
EVERYTHING: Final = ROOT / "build" / "screenshots"
GUIDES: Final = ROOT / "docs" / "webhooks" / "images"
GUIDE_WINDOW: Final = {"width": 1040, "height": 760}

IN_GUIDES: Final = {
    "webhooks-empty": (EMPTY, "/developer/webhooks"),
    "add": (EMPTY, "/developer/webhooks?do=add"),
    "webhook": (FILLED, "/developer/webhooks/{healthy}"),
    "update": (FILLED, "/developer/webhooks/{healthy}?do=update"),
    "test": (FILLED, "/developer/webhooks/{healthy}?do=test"),
    "test-result": (FILLED, "/developer/webhooks/{healthy}?do=test&result={tested}"),
    "disable": (FILLED, "/developer/webhooks/{failing}?do=disable"),
    "delete": (FILLED, "/developer/webhooks/{failing}?do=delete"),
    "rotate": (FILLED, "/developer/webhooks/{healthy}?do=rotate"),
    "history": (FILLED, "/developer/webhooks/history"),
    "delivery": (FILLED, "/developer/webhooks/history/{retrying}"),
    "specifications": (FILLED, "/developer/specifications"),
    "outgoing-ips": (FILLED, "/developer/outgoing-ips"),
    "debugger": (FILLED, "/developer/debugger"),
}
"""The pictures in the guides, by their names."""


def main() -> int:
    """Take all pictures, and return the exit code: 1 without a browser."""
    if CHROMIUM is None:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return 1
    shutil.rmtree(EVERYTHING, ignore_errors=True)
    EVERYTHING.mkdir(parents=True)
    GUIDES.mkdir(parents=True, exist_ok=True)
    with watched(*make_folders()), running_portal() as portal:
        places = find_places(portal)
        for name, (owner, path) in IN_GUIDES.items():
            _take(portal, owner, path.format(**places), GUIDES / f"{name}.png", viewport=GUIDE_WINDOW)
        for email, path in EVERYWHERE:
            _take_everywhere(portal, _name_of(email, path), email, path.format(**places))
            print(path, file=sys.stderr)
    return 0


def _name_of(email: str | None, path: str) -> str:
    """Return a picture's name: the address, and whose it is if not that of the filled account."""
    whose = {FILLED: "", EMPTY: "-empty", None: "-public"}[email]
    return (re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "overview") + whose


def _take_everywhere(portal: Portal, name: str, email: str | None, path: str) -> None:
    for theme in ("light", "dark"):
        for size, viewport in (("wide", WIDE), ("narrow", NARROW)):
            file = EVERYTHING / f"{name}-{theme}-{size}.png"
            _take(portal, email, path, file, viewport=viewport, color_scheme=theme)


def _take(portal: Portal, email: str | None, path: str, file: Path, **options: Any) -> None:
    context = portal.context(email, **options)
    page = context.new_page()
    page.goto(path)
    if path == "/developer/debugger":
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


if __name__ == "__main__":
    sys.exit(main())
