"""A server, a filled and an empty account, and a browser for the tests of the pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browsing import CHROMIUM, HOW_TO_INSTALL
from tests.support.portal import Portal, running_portal

expect.set_options(timeout=30_000)  # milliseconds, as long as Playwright waits for everything else


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of the pages, with the reason, if they can't run here."""
    if CHROMIUM is None:
        for item in items:
            if "tests/pages" in str(item.path):
                item.add_marker(pytest.mark.skip(reason=HOW_TO_INSTALL))


@pytest.fixture(scope="package")
def portal() -> Iterator[Portal]:
    """Run one server for these tests, not for the session: other coroutines can't run beside Playwright's loop."""
    with running_portal() as portal:
        yield portal


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def visit(portal: Portal) -> Iterator[Callable[..., Page]]:
    """Open a page as a user; the options are those of a browser context."""
    opened: list[BrowserContext] = []

    def open_page(email: str | None, path: str = "/", **options: Any) -> Page:
        context = portal.context(email, **options)
        opened.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in opened:
        context.close()
