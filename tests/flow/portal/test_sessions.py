"""How a session starts, lives and ends, and its cookies."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest
from httpx import Response

from tests.support.visiting import EMAIL, QUICK_HASHER, Portal, cookies_of, is_in, serving_pages
from waypost.store import user_changes
from waypost.store.database import Database

HOME = "/developer/webhooks"
CHOSEN = "c0ffee" * 10 + "beef"


@pytest.fixture
async def portal(portal: Portal) -> Portal:
    await portal.account(EMAIL)
    return portal


async def set_password(portal: Portal, email: str, password_hash: str) -> None:
    async with portal.database.serving.acquire() as session:
        account = await session.fetchval("select account from account_user where email = $1", email)
        assert await user_changes.update_password(session, account, email, password_hash)


async def age_session(portal: Portal, seconds: int) -> None:
    """Move the start of the only session back by this time."""
    (row,) = await portal.sessions()
    data = json.loads(row["data"])
    data["since"] -= seconds
    await portal.database.serving.execute("update web_session set data = $1", json.dumps(data).encode())


async def test_a_session_id_sent_by_the_browser_is_never_adopted(portal: Portal) -> None:
    victim, attacker = portal.browser(), portal.browser()
    for browser in (victim, attacker):
        browser.plant(CHOSEN)

    await victim.sign_in(EMAIL)

    assert victim.cookie() != CHOSEN
    assert not await is_in(attacker)
    (row,) = await portal.sessions()
    assert row["digest"] != sha256(CHOSEN.encode()).digest()


@pytest.mark.parametrize("way", ["password", "link"])
async def test_signing_in_changes_the_id_and_ends_the_previous_session(portal: Portal, way: str) -> None:
    await portal.account("attacker@example.com")
    attacker = await portal.visitor("attacker@example.com")
    planted = attacker.cookie() or ""
    victim = portal.browser()
    victim.plant(planted)

    await (victim.sign_in(EMAIL) if way == "password" else victim.follow(await portal.link(EMAIL)))

    assert victim.cookie() != planted
    assert len(await portal.sessions()) == 1
    assert not await is_in(attacker)
    assert EMAIL in (await victim.get(HOME)).text


async def test_the_database_stores_only_the_digest_of_an_id(portal: Portal) -> None:
    browser = portal.browser()
    await browser.sign_in(EMAIL)

    (row,) = await portal.sessions()

    session = browser.cookie() or ""
    assert len(bytes.fromhex(session)) == 32
    assert row["digest"] == sha256(session.encode()).digest()
    assert session.encode() not in row["data"]


async def test_nothing_is_stored_for_visitors_who_are_not_signed_in(portal: Portal) -> None:
    browser = portal.browser()
    browser.plant(CHOSEN)

    for path in ("/", "/login", HOME, "/nothing-here", "/login/unknown", "/help/images/nothing.png"):
        answer = await browser.get(path)
        assert cookies_of(answer).get("waypost_session", {}).get("value", "null") == "null"
    await browser.sign_in(EMAIL, "wrong horse battery")
    await browser.post("/logout")

    assert await portal.sessions() == []
    assert browser.cookie() is None


async def test_a_session_ends_after_half_an_hour_of_inactivity(portal: Portal) -> None:
    browser = await portal.visitor(EMAIL)
    left = "select extract(epoch from expires_at - now())::float8 from web_session"
    await portal.database.serving.execute("update web_session set expires_at = now() + interval '1 second'")

    assert await is_in(browser)

    assert 1790 < await portal.database.serving.fetchval(left) <= 1800
    await portal.database.serving.execute("update web_session set expires_at = now()")
    assert not await is_in(browser)


async def test_a_session_ends_after_twelve_hours_despite_activity(portal: Portal) -> None:
    browser = await portal.visitor(EMAIL)

    await age_session(portal, 12 * 3600 - 60)
    assert await is_in(browser)
    await age_session(portal, 61)
    assert not await is_in(browser)

    assert await portal.sessions() == []


async def test_a_change_of_password_ends_every_session_at_once(portal: Portal) -> None:
    browsers = [await portal.visitor(EMAIL), portal.browser()]
    await browsers[1].sign_in(EMAIL)
    changed = QUICK_HASHER.hash("another horse")

    await set_password(portal, EMAIL, changed)

    assert [await is_in(browser) for browser in browsers] == [False, False]
    assert await portal.sessions() == []
    assert (await browsers[0].sign_in(EMAIL)).status_code == 422
    assert (await browsers[0].sign_in(EMAIL, "another horse")).status_code == 303
    assert await is_in(browsers[0])


async def test_a_password_changed_during_its_check_signs_nobody_in(portal: Portal) -> None:
    browser, checking = portal.browser(), portal.pages.logins._checking
    token = await browser.token()
    async with checking.turn("one"), checking.turn("two"):
        signing_in = asyncio.ensure_future(browser.sign_in(EMAIL, token=token))
        async with asyncio.timeout(10):
            while checking.here < 3:
                await portal.sessions()
        await set_password(portal, EMAIL, QUICK_HASHER.hash("another horse"))

    answer = await signing_in

    assert answer.status_code == 422
    assert await portal.sessions() == []


async def test_a_change_of_password_ends_every_login_link_too(portal: Portal) -> None:
    link = await portal.link(EMAIL)

    await set_password(portal, EMAIL, QUICK_HASHER.hash("another horse"))

    assert (await portal.browser().follow(link)).status_code == 422


async def test_removing_a_user_ends_the_session(portal: Portal) -> None:
    browser = await portal.visitor(EMAIL)

    await portal.database.serving.execute("delete from account_user where email = $1", EMAIL)

    assert not await is_in(browser)


async def test_signing_out_ends_only_this_session(portal: Portal) -> None:
    browser, other = await portal.visitor(EMAIL), await portal.visitor(EMAIL)
    kept = browser.cookie()

    answer = await browser.post("/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.cookie() is None
    assert len(await portal.sessions()) == 1
    browser.plant(str(kept))
    assert not await is_in(browser)
    assert await is_in(other)


@asynccontextmanager
async def held_up(portal: Portal, answer: Callable[[], Awaitable[Response]]) -> AsyncIterator[asyncio.Task[Response]]:
    """Hold up a page behind a lock on what it reads, and let it go at the end."""
    async with portal.database.engine.acquire() as session, session.transaction():
        await session.execute("lock table endpoint in access exclusive mode")
        page: asyncio.Task[Response] = asyncio.ensure_future(answer())
        async with asyncio.timeout(10):
            while not await session.fetchval("select exists (select from pg_locks where not granted)"):
                pass
        yield page


async def test_a_page_finished_after_signing_out_does_not_restore_the_session(portal: Portal) -> None:
    browser = await portal.visitor(EMAIL)
    slow = portal.browser()
    await browser.post(HOME, form={"url": "http://127.0.0.1/hook", "version": "V4"})  # the next notice changes it
    slow.plant(str(browser.cookie()))
    async with held_up(portal, lambda: slow.get(HOME)) as page:
        await browser.post("/logout")

    answer = await page

    assert answer.status_code == 200
    assert "Endpoint added" in answer.text
    assert await portal.sessions() == []
    assert "waypost_session" not in cookies_of(answer)


async def test_over_plain_http_cookies_are_http_only_and_same_site(portal: Portal) -> None:
    browser = portal.browser()

    form = cookies_of(await browser.get("/login"))["waypost_form"]
    answer = await browser.sign_in(EMAIL)

    session = cookies_of(answer)["waypost_session"]
    assert (session.pop("value"), session.pop("max-age")) == (browser.cookie(), "1800")
    assert form.pop("value")
    assert session == form == {"path": "/", "httponly": "True", "samesite": "lax"}
    assert "strict-transport-security" not in answer.headers


async def test_over_https_cookies_have_the_host_prefix_and_every_response_has_hsts(database: Database) -> None:
    async with serving_pages(database, public_url="https://waypost.test") as portal:
        await portal.account(EMAIL)
        browser = portal.browser()
        form = cookies_of(await browser.get("/login"))["__Host-waypost_form"]
        answer = await browser.sign_in(EMAIL)
        paths = ("/", "/login", "/login/unknown", HOME, f"{HOME}/ep_x", "/nothing-here", "/favicon.ico", "/logout")
        answers = [answer, *[await browser.get(path) for path in paths]]
        answers += [await browser.post("/login", token="x"), await portal.browser().get(HOME)]

    session = cookies_of(answer)["__Host-waypost_session"]
    for cookie in (session, form):
        assert cookie.pop("value")
        cookie.pop("max-age", None)
        assert cookie == {"path": "/", "httponly": "True", "samesite": "lax", "secure": "True"}
    for one in answers:
        assert one.headers["strict-transport-security"] == "max-age=31536000", one.url


async def test_a_form_cookie_of_another_installation_locks_nobody_out(portal: Portal) -> None:
    browser = portal.browser()
    browser.plant("ab" * 64, "waypost_form")

    answer = await browser.sign_in(EMAIL)

    assert answer.status_code == 303
