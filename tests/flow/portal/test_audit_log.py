"""The audit log: who did what, from where; removed entries are detected."""

from typing import Any

import pytest
from asyncpg import RaiseError

from tests.support.api import Caller
from tests.support.visiting import CLIENT, EMAIL, PASSWORD, Document, Portal
from waypost.actions.accounts import set_quota
from waypost.actions.actor import NOBODY, OPERATOR, operator
from waypost.domain.audit import Action
from waypost.domain.quotas import Quota
from waypost.store import audit
from waypost.store.audit import Chain, ChainedEntry

HOOK = "http://127.0.0.1/hook"
SINCE = "2020-01-01T00:00:00Z"


async def entries(portal: Portal, shop: Caller) -> list[ChainedEntry]:
    async with portal.database.serving.acquire() as session:
        return await audit.page(session, shop.account, limit=100)


async def test_actions_in_the_browser_and_by_key_are_audited(portal: Portal, shop: Caller) -> None:
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


async def test_a_quota_that_the_operator_sets_is_recorded_once(portal: Portal, shop: Caller) -> None:
    context, actor = portal.pages.context, operator(shop.account)

    for _ in range(2):
        quota, _usage = await set_quota(
            context, actor, {"parcels": 5, "disk_bytes": None}, usual=Quota(parcels=9, disk_bytes=7)
        )

    (entry,) = await entries(portal, shop)
    assert quota == Quota(parcels=5, disk_bytes=7)
    assert (entry.action, entry.actor, entry.subject) == (Action.QUOTA_CHANGED, OPERATOR, "Shop")
    assert entry.changes == {"parcels": ("default", "5")}


async def test_failed_actions_are_not_audited(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)
    endpoint = await portal.endpoint(shop, HOOK)
    before = await entries(portal, shop)

    await browser.post(f"/developer/webhooks/{endpoint}/enable")
    await browser.post(f"/developer/webhooks/{endpoint}/update", form={"url": "ftp://x", "version": "V4"})
    await browser.post("/settings", form={"name": "Shop", "email": EMAIL, "accent": "", "embed_origins": ""})
    await portal.browser().sign_in("nobody@example.com", "wrong password")
    await shop.post("/v1/recoveries", {"endpoint_id": endpoint, "since": SINCE, "only": "all", "dry_run": True})
    await shop.call("DELETE", f"/v4/trackings/delete/{'0' * 32}")

    assert await entries(portal, shop) == before


async def test_a_wrong_password_is_audited_whoever_entered_it(portal: Portal, shop: Caller) -> None:
    browser = await portal.visitor(EMAIL)

    await portal.browser(address="203.0.113.9").sign_in(EMAIL, "wrong password")
    await browser.post("/settings/password", form={"current": "wrong password", "password": "another password"})

    changing, signing_in, _ = await entries(portal, shop)
    assert signing_in.action == changing.action == Action.PASSWORD_REFUSED
    assert (signing_in.actor, signing_in.address, signing_in.subject) == (NOBODY, "203.0.113.9", EMAIL)
    assert (changing.actor, changing.address, changing.subject) == (EMAIL, CLIENT, EMAIL)
    assert (signing_in.changes, changing.changes) == ({"at": (None, "sign-in")}, {"at": (None, "change of password")})


async def test_recoveries_and_deletions_of_parcels_are_audited(portal: Portal, shop: Caller) -> None:
    endpoint = await portal.endpoint(shop, HOOK)
    made = await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "dhl"})
    asked = {"endpoint_id": endpoint, "since": SINCE, "only": "failed"}

    recovery = (await shop.post("/v1/recoveries", asked)).json()
    await shop.post(f"/v1/recoveries/{recovery['id']}/stop")
    await shop.call("DELETE", f"/v4/trackings/delete/{made.json()['data']['id']}")

    deleted, stopped, begun, _ = await entries(portal, shop)
    assert (begun.action, begun.subject) == (Action.RECOVERY_BEGUN, recovery["id"])
    assert {name: text for name, (_, text) in begun.changes.items()} == {
        "endpoint": HOOK,
        "only": "failed",
        "since": recovery["since"],
        "until": recovery["until"],
    }
    assert (stopped.action, stopped.subject) == (Action.RECOVERY_STOPPED, recovery["id"])
    assert (deleted.action, deleted.subject) == (Action.TRACKING_DELETED, "A1")
    assert deleted.changes == {"courier_code": ("dhl", None)}
    assert begun.actor == stopped.actor == deleted.actor == f"key {shop.key[:12]}…"


async def test_the_log_is_append_only(portal: Portal, shop: Caller) -> None:
    await portal.endpoint(shop, HOOK)

    for statement in ("update audit_entry set actor = 'x'", "delete from audit_entry", "truncate audit_entry"):
        with pytest.raises(RaiseError, match="only ever appended to"):
            await portal.database.serving.execute(statement)


async def chain(portal: Portal, shop: Caller) -> Chain:
    async with portal.database.serving.acquire() as session:
        (found,) = [one async for one in audit.chains(session, shop.account)]
    return found


async def tamper(portal: Portal, statement: str) -> None:
    async with portal.database.serving.acquire() as session, session.transaction():
        await session.execute("alter table audit_entry disable trigger all")
        await session.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "on_page", "in_chain"),
    [
        ("update audit_entry set actor = 'somebody else' where number = 2", 2, 2),
        ("delete from audit_entry where number = 2", 3, 3),
        ("delete from audit_entry where number = 1", None, 2),
        ("update audit_entry set changes = '{}' where number = 1", 1, 1),
        ("update audit_entry set changes = '[1]' where number = 3", 3, 3),
    ],
)
async def test_a_changed_or_removed_entry_is_detected(
    portal: Portal, shop: Caller, tampering: str, on_page: int | None, in_chain: int
) -> None:
    for place in range(3):
        await portal.endpoint(shop, f"{HOOK}/{place}")
    await tamper(portal, tampering)
    browser = await portal.visitor(EMAIL)

    said = Document((await browser.get("/settings/audit")).text).text

    kept: list[Any] = await entries(portal, shop)
    assert audit.broken_at(shop.account, kept) == on_page
    assert ("match the previous entry" in said) == (on_page is not None)
    assert (await chain(portal, shop)).broken_at == in_chain


async def test_a_log_of_any_length_is_verified_completely(
    portal: Portal, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.store.audit.READ_AT_ONCE", 2)
    before = await chain(portal, shop)
    for place in range(4):
        await portal.endpoint(shop, f"{HOOK}/{place}")

    found = await chain(portal, shop)
    newest, *_ = await entries(portal, shop)

    assert (before.entries, before.digest, before.broken_at) == (0, "0" * 64, None)
    assert (found.email, found.entries, found.digest, found.broken_at) == (EMAIL, 4, newest.digest.hex(), None)


async def test_the_log_is_paged_and_visible_to_its_own_account_only(portal: Portal, shop: Caller) -> None:
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

    assert [len(page.all("li", **{"class": "card"})) for page in (first, second, theirs)] == [50, 3, 1]
    assert "Integrity verified" in first.text
    assert other.account
    assert shop.account


async def test_a_sign_in_by_link_is_audited_as_such(portal: Portal, shop: Caller) -> None:
    await portal.visitor(EMAIL)
    await portal.browser().sign_in(EMAIL, PASSWORD)

    assert [entry.changes for entry in await entries(portal, shop)] == [
        {"by": (None, "password")},
        {"by": (None, "link")},
    ]
