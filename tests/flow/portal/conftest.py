"""The pages on a separate database per test, with one shop and a browser in which its user is signed in."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.support.api import Caller
from tests.support.visiting import EMAIL, QUICK_HASHER, Browser, Portal, serving_pages
from waypost.portal import application
from waypost.portal.logins import Logins
from waypost.store.database import Database


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "Logins", partial(Logins, hasher=QUICK_HASHER))


@pytest.fixture
async def portal(database: Database) -> AsyncIterator[Portal]:
    async with serving_pages(database) as portal:
        yield portal


@pytest.fixture
async def shop(portal: Portal) -> Caller:
    return await portal.account(EMAIL)


@pytest.fixture
async def browser(portal: Portal, shop: Caller) -> Browser:
    assert shop.account
    return await portal.visitor(EMAIL)
