"""The audit log: who did what, from where; nothing is taken out of it unseen."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncpg import RaiseError

from tests.support.api import Caller
from tests.support.visiting import CLIENT, PASSWORD, Document, Portal, serving_pages
from waypost.domain.audit import Action
from waypost.store import audit
from waypost.store.audit import ChainedEntry
from waypost.store.database import Database

EMAIL = "shop@example.com"
HOOK = "http://127.0.0.1/hook"


@pytest.fixture
async def portal(database: Database) -> AsyncIterator[Portal]:
    async with serving_pages(database) as portal:
        yield portal


@pytest.fixture
async def shop(portal: Portal) -> Caller:
    return await portal.account(EMAIL)


async def entries(portal: Portal, shop: Caller) -> list[ChainedEntry]:
    async with portal.database.serving.acquire() as session:
        return await audit.page(session, shop.account, limit=100)


async def test_what_is_done_in_the_browser_and_by_key_is_written_down(portal: Portal, shop: Caller) -> None:
    browser = portal.browser()
    await browser.sign_in(EMAIL)
    await browser.post("/settings", form={"name": "New", "email": EMAIL, "accent": "", "embed_origins": ""})
    await browser.post("/developer/apikeys", form={"name": "Orders", "scope": "read", "days": ""})
    endpoint = await portal.endpoint(shop, HOOK, headers={"x-token": "secret value"})
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"description": "Hook"})
    one = f"/developer/webhooks/{endpoint}"
    await browser.get(f"{one}?do=secret")
    for name in ("disable", "enable", "rotate", "end-rotation", "delete"):
        await browser.post(f"{one}/{name}")

    found = list(reversed(await entries(portal, shop)))

    assert [entry.action for entry in found] == [
        *(Action.SIGNED_IN, Action.ACCOUNT_CHANGED, Action.KEY_CREATED, Action.ENDPOINT_ADDED),
        *(Action.ENDPOINT_CHANGED, Action.SECRET_SHOWN, Action.ENDPOINT_DISABLED, Action.ENDPOINT_ENABLED),
        *(Action.SECRET_ROTATED, Action.ROTATION_ENDED, Action.ENDPOINT_DELETED),
    ]
    assert (found[1].actor, found[1].address, found[1].changes) == (EMAIL, CLIENT, {"name": ("Shop", "New")})
    assert (found[3].actor, found[3].address) == (f"key {shop.key[:12]}…", None)
    assert (found[3].subject, found[3].changes["headers"]) == (HOOK, (None, "x-token"))
    assert found[4].changes == {"description": (None, "Hook")}
    assert "secret value" not in str(found)
    assert audit.broken_at(shop.account, list(reversed(found))) is None


async def test_what_did_not_happen_is_not_written_down(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)
    endpoint = await portal.endpoint(shop, HOOK)
    before = await entries(portal, shop)

    await browser.post(f"/developer/webhooks/{endpoint}/enable")
    await browser.post(f"/developer/webhooks/{endpoint}/update", form={"url": "ftp://x", "version": "V4"})
    await browser.post("/settings", form={"name": "Shop", "email": EMAIL, "accent": "", "embed_origins": ""})
    await portal.browser().sign_in(EMAIL, "wrong password")

    assert await entries(portal, shop) == before


async def test_the_log_is_only_ever_appended_to(portal: Portal, shop: Caller) -> None:
    await portal.endpoint(shop, HOOK)

    for statement in ("update audit_entry set actor = 'x'", "delete from audit_entry", "truncate audit_entry"):
        with pytest.raises(RaiseError, match="only ever appended to"):
            await portal.database.serving.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "number"),
    [
        ("update audit_entry set actor = 'somebody else' where number = 2", 2),
        ("delete from audit_entry where number = 2", 3),
        ("delete from audit_entry where number = 1", None),
    ],
)
async def test_an_entry_that_was_changed_or_taken_out_is_seen(
    portal: Portal, shop: Caller, tampering: str, number: int | None
) -> None:
    for place in range(3):
        await portal.endpoint(shop, f"{HOOK}/{place}")
    async with portal.database.serving.acquire() as session, session.transaction():
        await session.execute("alter table audit_entry disable trigger all")
        await session.execute(tampering)
    browser = await portal.visitor(EMAIL)

    said = Document((await browser.get("/settings/audit")).text).text

    kept: list[Any] = await entries(portal, shop)
    assert audit.broken_at(shop.account, kept) == number
    assert ("does not fit the one before" in said) == (number is not None)


async def test_the_log_is_read_page_by_page_and_by_its_own_account(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)
    for place in range(52):
        await browser.post(
            "/settings", form={"name": f"Shop {place}", "email": EMAIL, "accent": "", "embed_origins": ""}
        )
    other = await portal.account("other@example.com")

    first = Document((await browser.get("/settings/audit")).text)
    (older,) = [one.attributes["href"] for one in first.all("a") if "before=" in one.attributes["href"]]
    second = Document((await browser.get(older)).text)
    theirs = Document((await (await portal.visitor("other@example.com")).get("/settings/audit")).text)

    assert [len(page.all("tr")) - 1 for page in (first, second, theirs)] == [50, 3, 1]
    assert "fit together" in first.text
    assert other.account
    assert shop.account


async def test_a_sign_in_by_link_says_so(portal: Portal, shop: Caller) -> None:
    await portal.visitor(EMAIL)
    await portal.browser().sign_in(EMAIL, PASSWORD)

    assert [entry.changes for entry in await entries(portal, shop)] == [
        {"by": (None, "password")},
        {"by": (None, "link")},
    ]
