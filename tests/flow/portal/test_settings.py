"""Settings: the account's name and look, its users, one's own password."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.visiting import EMAIL, PASSWORD, Browser, Document, Portal, is_in
from waypost.domain import ids
from waypost.domain.quotas import Quota
from waypost.store import quota_changes

MEMBER = "member@example.com"
CHOSEN = {"name": "Büttner", "email": EMAIL, "accent": "#7A2A86", "embed_origins": "https://Shop.example/\n\n"}


async def member(portal: Portal, browser: Browser, role: str = "member", email: str = MEMBER) -> str:
    """Let a further user in and give the id."""
    added = await browser.post("/settings/users", form={"email": email, "password": PASSWORD, "role": role})
    assert added.status_code == 303, added.text
    found: UUID = await portal.database.serving.fetchval("select id from account_user where email = $1", email)
    return ids.to_text(ids.USER, found)


async def account(portal: Portal) -> tuple[Any, ...]:
    row = await portal.database.serving.fetchrow(
        "select name, email, accent, embed_origins from account order by id limit 1"
    )
    return tuple(row or ())


async def test_an_owner_sets_the_shops_name_and_look(portal: Portal, browser: Browser) -> None:
    answer = await browser.post("/settings", form=CHOSEN)

    page = Document((await browser.get("/settings")).text)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    assert await account(portal) == ("Büttner", EMAIL, "#7a2a86", ["https://shop.example"])
    assert (page.value("name"), page.value("accent")) == ("Büttner", "#7a2a86")
    assert "key of V2 and V3 signatures" in page.text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("name", ""), ("name", "x" * 101), ("email", "no address"), ("email", "other@example.com")),
        *(("accent", "red"), ("accent", "#fff"), ("accent", "#0b5c6b;}")),
        *(("embed_origins", "http://shop.example"), ("embed_origins", "https://shop.example/path")),
        *(("embed_origins", "https://a.example 'unsafe-inline'"), ("embed_origins", "https://*.example")),
        *(("embed_origins", "https://a.example:65536"), ("embed_origins", "https://a.example:0")),
        *(
            ("embed_origins", "https://a;script-src *"),
            ("embed_origins", "\n".join(f"https://a{n}.b" for n in range(11))),
        ),
    ],
)
async def test_invalid_settings_are_reported_at_their_fields_and_change_nothing(
    portal: Portal, browser: Browser, field: str, text: str
) -> None:
    await portal.account("other@example.com")
    before = await portal.database.serving.fetch("select * from account order by id")

    answer = await browser.post("/settings", form=CHOSEN | {field: text})

    page = Document(answer.text)
    assert answer.status_code == 422
    assert [one.attributes["id"] for one in page.all("p", **{"class": "error"})] == [f"{field}-error"]
    assert await portal.database.serving.fetch("select * from account order by id") == before


async def test_another_user_can_sign_in_but_only_owners_change_the_account(portal: Portal, browser: Browser) -> None:
    user = await member(portal, browser)
    theirs = portal.browser()
    assert (await theirs.sign_in(MEMBER)).status_code == 303
    before = await account(portal)

    page = Document((await theirs.get("/settings?do=add&remove=" + user)).text)
    answers = [
        await theirs.post("/settings", form=CHOSEN),
        await theirs.post("/settings/users", form={"email": "x@y.test", "password": PASSWORD, "role": "owner"}),
        await theirs.post(f"/settings/users/{user}/role", form={"role": "owner"}),
        await theirs.post(f"/settings/users/{user}/remove"),
    ]

    assert [one.status_code for one in answers] == [403] * 4
    assert await account(portal) == before
    assert await portal.database.serving.fetchval("select count(*) from account_user where role = 'owner'") == 1
    assert "Only owners can change these settings" in page.text
    assert page.all("dialog") == []


async def test_a_removed_user_is_signed_out_at_once(portal: Portal, browser: Browser) -> None:
    user = await member(portal, browser)
    theirs = await portal.visitor(MEMBER)
    asked = Document((await browser.get(f"/settings?remove={user}")).text)

    removed = await browser.post(f"/settings/users/{user}/remove")

    assert MEMBER in asked.text
    assert removed.status_code == 303
    assert not await is_in(theirs)
    assert (await portal.browser().sign_in(MEMBER)).status_code == 422


async def make_key(browser: Browser, name: str) -> str:
    """Make a key on the page and give its text."""
    await browser.post("/developer/apikeys", form={"name": name, "scope": "read", "days": ""})
    made = await browser.get("/developer/apikeys")
    return Document(made.text).all("code", **{"class": "copyable"})[0].text


async def test_removing_a_user_offers_to_revoke_that_users_keys(portal: Portal, browser: Browser) -> None:
    user = await member(portal, browser)
    theirs = await portal.visitor(MEMBER)
    keys = [await make_key(theirs, "Left ticked"), await make_key(theirs, "Unticked"), await make_key(browser, "Mine")]
    asked = Document((await browser.get(f"/settings?remove={user}")).text)
    offered = [one.attributes["value"] for one in asked.all("input", name="revoke")]
    mine = ids.to_text(
        ids.API_KEY, await portal.database.serving.fetchval("select id from api_key where name = 'Mine'")
    )

    await browser.post(f"/settings/users/{user}/remove", form={"revoke": [offered[1], mine, "nonsense"]})
    said = Document((await browser.get("/settings")).text).text
    listed = Document((await browser.get("/developer/apikeys")).text).text

    assert len(offered) == 2
    assert all("checked" in one.attributes for one in asked.all("input", name="revoke"))
    assert "Left ticked" in asked.text
    assert "Mine" not in asked.text
    calls = [await browser.client.get("/v1/endpoints", headers={"tracking-api-key": key}) for key in keys]
    assert [call.status_code for call in calls] == [401, 200, 200]
    assert "1 API key revoked" in said
    assert MEMBER in listed


async def test_an_owner_cannot_probe_many_addresses_of_other_accounts(portal: Portal, browser: Browser) -> None:
    await portal.account("taken@example.com")
    form = {"email": "taken@example.com", "password": PASSWORD, "role": "member"}

    answers = [await browser.post("/settings/users", form=form) for _ in range(6)]
    account = await browser.post("/settings", form={"name": "A", "email": "taken@example.com", "accent": ""})

    assert ["another user" in Document(one.text).text for one in answers] == [True] * 5 + [False]
    assert [("Too many attempts" in Document(one.text).text, one.status_code) for one in (answers[5], account)] == [
        (True, 422)
    ] * 2


async def test_the_last_owner_cannot_be_demoted(portal: Portal, browser: Browser) -> None:
    own = ids.to_text(ids.USER, await portal.database.serving.fetchval("select id from account_user"))

    refused = [
        await browser.post(f"/settings/users/{own}/role", form={"role": "member"}),
        await browser.post(f"/settings/users/{own}/remove"),
    ]
    await member(portal, browser, "owner")
    taken = await browser.post(f"/settings/users/{own}/role", form={"role": "member"})

    assert [one.status_code for one in refused] == [409, 409]
    assert all("An account needs an owner" in Document(one.text).text for one in refused)
    assert taken.status_code == 303


@pytest.mark.parametrize(
    ("before", "status", "location"),
    [
        ("http://waypost.test/settings?remove=1", 303, "/settings?remove=1"),
        ("http://elsewhere.test/settings", 409, None),
        ("http://waypost.test//elsewhere.test/", 303, "/"),
        ("http://waypost.test/login", 303, "/"),
        ("http://[", 409, None),
        ("javascript:alert(1)", 409, None),
        ("", 409, None),
    ],
)
async def test_a_rejected_action_is_explained_on_the_page_of_its_button(
    portal: Portal, browser: Browser, before: str, status: int, location: str | None
) -> None:
    user = ids.to_text(ids.USER, await portal.database.serving.fetchval("select id from account_user"))

    answer = await browser.post(f"/settings/users/{user}/remove", headers={"referer": before})

    assert (answer.status_code, answer.headers.get("location")) == (status, location)
    if location is not None:
        assert "An account needs an owner" in Document((await browser.get("/settings")).text).text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"email": EMAIL}, "another user"),
        ({"email": "nobody"}, "name@example.com"),
        ({"password": "short"}, "8 to 1000 characters"),
        ({"password": "Password1"}, "one of the most common passwords"),
        ({"role": "king"}, "owner, member"),
    ],
)
async def test_an_invalid_user_is_reported_in_the_form(
    portal: Portal, browser: Browser, fields: dict[str, str], text: str
) -> None:
    form = {"email": MEMBER, "password": PASSWORD, "role": "member"} | fields

    answer = await browser.post("/settings/users", form=form)

    assert answer.status_code == 422
    assert text in Document(answer.text).text
    assert await portal.database.serving.fetchval("select count(*) from account_user") == 1


async def test_a_new_password_ends_every_other_session(portal: Portal, browser: Browser) -> None:
    elsewhere = await portal.visitor(EMAIL)

    changed = await browser.post("/settings/password", form={"current": PASSWORD, "password": "a better one"})

    assert (changed.status_code, await is_in(browser), await is_in(elsewhere)) == (303, True, False)
    assert (await portal.browser().sign_in(EMAIL)).status_code == 422
    assert (await portal.browser().sign_in(EMAIL, "a better one")).status_code == 303


@pytest.mark.parametrize(
    ("fields", "place"),
    [({"current": "wrong one"}, "current-error"), ({"password": "short"}, "password-error")],
)
async def test_changing_a_password_requires_the_current_one(
    portal: Portal, browser: Browser, fields: dict[str, str], place: str
) -> None:
    form = {"current": PASSWORD, "password": "a better one"} | fields

    answer = await browser.post("/settings/password", form=form)

    assert answer.status_code == 422
    assert [one.attributes["id"] for one in Document(answer.text).all("p", **{"class": "error"})] == [place]
    assert (await portal.browser().sign_in(EMAIL)).status_code == 303


async def test_quotas_are_shown_with_their_use_unless_unset(portal: Portal, browser: Browser) -> None:
    assert "Quotas" not in (await browser.get("/settings")).text
    account = await portal.database.serving.fetchval("select id from account order by id limit 1")
    async with portal.database.serving.acquire() as session:
        await quota_changes.update_quota(session, account, Quota(parcels=1000))
        await session.execute("insert into account_usage (account, parcels) values ($1, 12)", account)

    cells = [cell.text for cell in Document((await browser.get("/settings")).text).all("td")]

    assert cells[:3] == ["Parcels", "12", "1,000"]
