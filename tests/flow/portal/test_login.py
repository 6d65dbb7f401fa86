"""Signing in to the pages: who can, how often one may try, and the page shown afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast

import pytest
from argon2 import PasswordHasher
from httpx import Response
from structlog.testing import capture_logs

from tests.support.receiver import HANGS_AFTER_SECONDS
from tests.support.visiting import (
    CLIENT,
    EMAIL,
    HASH,
    PASSWORD,
    QUICK_HASHER,
    Document,
    Portal,
    cookies_of,
    is_in,
    serving_pages,
)
from waypost.actions.denials import DENIED
from waypost.portal import application
from waypost.portal.logins import AT_ONCE, WAITING_IN_ALL, Logins
from waypost.portal.waiting_room import Gone, WaitingRoom
from waypost.store.database import Database

HOME = "/developer/webhooks"
WRONG = "wrong horse battery"
ELSEWHERE = (
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "https:evil"),
    *("evil.example", "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/ok\r\nx-evil: 1", "/\x00"),
    *("/developer\u2028", "/\u00e9", "/\uff0fevil.example", "", "/login", "/login?next=/x"),
)


@pytest.fixture
def hasher() -> PasswordHasher:
    return QUICK_HASHER


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch, hasher: PasswordHasher) -> list[float]:
    """Let no try be forgotten before the next, however long a machine takes for a password."""
    moment = [1000.0]
    monkeypatch.setattr(application, "Logins", partial(Logins, clock=lambda: moment[0], hasher=hasher))
    return moment


@pytest.fixture
async def portal(now: list[float], database: Database) -> AsyncIterator[Portal]:
    assert now
    async with serving_pages(database) as portal:
        await portal.account(EMAIL)
        yield portal


def leads_to_login(answer: Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/login?")


async def test_after_signing_in_a_user_returns_to_the_requested_page(portal: Portal) -> None:
    browser = portal.browser()
    asked = await browser.get(f"{HOME}/history?state=failed&tracking_number=A%2B1")
    form = Document((await browser.get(asked.headers["location"])).text)

    answer = await browser.sign_in(EMAIL, to=form.value("next"))

    assert leads_to_login(asked)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{HOME}/history?state=failed&tracking_number=A%2B1",
    )
    assert "shop@example.com" in (await browser.get(HOME)).text


async def test_the_email_is_accepted_in_any_case_and_with_surrounding_spaces(portal: Portal) -> None:
    browser = portal.browser()

    assert (await browser.sign_in(" SHOP@Example.com ")).status_code == 303


@pytest.mark.parametrize("hasher", [PasswordHasher()], ids=["as in production"])
async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer_in_the_same_time(portal: Portal) -> None:
    seconds: dict[str, list[float]] = {}
    texts, answered = set(), [0.0]
    inner: Any = portal.application

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        """Note when the response is complete: later writes reveal nothing to a visitor."""

        async def passing(message: Any) -> None:
            await send(message)
            answered[0] = time.process_time()

        await inner(scope, receive, passing)

    portal.application = cast("Any", noting)
    for email in (EMAIL, "nope@example.com") * 3:
        browser = portal.browser()
        token = await browser.token()
        began = time.process_time()  # its own: what else runs on the machine does not count
        answer = await browser.sign_in(email, WRONG, token=token)
        seconds.setdefault(email, []).append(answered[0] - began)
        assert (answer.status_code, cookies_of(answer)) == (422, {})
        texts.add(answer.text.replace(Document(answer.text).value("_csrf_token"), "").replace(email, ""))

    known, unknown = (min(times) for times in seconds.values())
    assert len(texts) == 1
    assert "Wrong e-mail or password." in Document(texts.pop()).text
    assert unknown > known / 2


async def test_a_typed_password_is_never_returned(portal: Portal) -> None:
    answer = await portal.browser().sign_in(EMAIL, WRONG)

    assert WRONG not in answer.text


async def test_similar_letters_do_not_match_a_user(portal: Portal) -> None:
    # PostgreSQL's lower() makes an i of U+0130, Python's does not: tries would be counted apart.
    await portal.account("iii@example.com")

    answer = await portal.browser().sign_in("\u0130ii@example.com")

    assert answer.status_code == 422


async def test_signing_in_renews_an_outdated_hash_without_ending_sessions(portal: Portal) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    await portal.account("old@example.com", password_hash=old)
    there_before = await portal.visitor("old@example.com")

    first = await portal.browser().sign_in("old@example.com")
    second = await portal.browser().sign_in("old@example.com")

    stored = "select password_hash from account_user where email = $1"
    renewed = await portal.database.serving.fetchval(stored, "old@example.com")
    assert (first.status_code, second.status_code) == (303, 303)
    assert not QUICK_HASHER.check_needs_rehash(renewed)
    assert QUICK_HASHER.verify(renewed, PASSWORD)
    assert await portal.database.serving.fetchval(stored, EMAIL) == HASH
    assert await is_in(there_before)


async def test_the_sixth_attempt_per_minute_from_one_network_is_not_checked(portal: Portal, now: list[float]) -> None:
    tries = [await portal.browser().sign_in(EMAIL, WRONG) for _ in range(5)]

    sixth = await portal.browser().sign_in(EMAIL.upper())

    assert [answer.status_code for answer in tries] == [422] * 5
    assert (sixth.status_code, sixth.headers["retry-after"], cookies_of(sixth)) == (429, "60", {})
    assert "Wait a minute" in Document(sixth.text).text
    assert await portal.sessions() == []
    now[0] += 61
    assert (await portal.browser().sign_in(EMAIL)).status_code == 303


async def test_wrong_attempts_from_elsewhere_lock_nobody_out(portal: Portal) -> None:
    home = portal.browser(address="203.0.113.1")
    assert (await home.sign_in(EMAIL)).status_code == 303

    elsewhere = [await portal.browser(address=f"198.51.100.{number}").sign_in(EMAIL, WRONG) for number in range(50)]
    guessing = await portal.browser(address="198.51.100.99").sign_in(EMAIL, WRONG)
    token = Document((await home.get("/settings")).text).value("_csrf_token")
    form = {"current": PASSWORD, "password": "a new horse on the hill"}
    changed = await home.post("/settings/password", token=token, form=form)
    back = await portal.browser(address="203.0.113.1").sign_in(EMAIL, "a new horse on the hill")

    assert [answer.status_code for answer in elsewhere] == [422] * 50
    assert guessing.status_code == 429
    assert changed.status_code == back.status_code == 303


async def test_each_further_lock_lasts_twice_as_long(portal: Portal, now: list[float]) -> None:
    waits = []
    for _ in range(4):
        for _ in range(5):
            await portal.browser().sign_in(EMAIL, WRONG)
        wait = int((await portal.browser().sign_in(EMAIL)).headers["retry-after"])
        waits.append(wait)
        now[0] += wait

    assert waits == [60, 120, 240, 480]


async def test_at_most_two_password_checks_per_address_wait(portal: Portal) -> None:
    room = portal.pages.logins._checking
    browsers = [portal.browser(), portal.browser(), portal.browser(), portal.browser(address="203.0.113.1")]
    tokens = [await browser.token() for browser in browsers]
    async with room.turn("198.51.100.1"), room.turn("198.51.100.2"):
        waiting = [
            asyncio.ensure_future(browser.sign_in(f"{number}@example.com", token=token))
            for number, (browser, token) in enumerate(zip(browsers, tokens, strict=True))
        ]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=HANGS_AFTER_SECONDS)
        refused = [one.result() for one in done]

    assert [(one.status_code, one.headers["retry-after"]) for one in refused] == [(429, "5")]
    answers = [(await one).status_code for one in waiting]
    assert sorted(answers) == [422, 422, 422, 429]
    assert answers[3] == 422


async def test_when_too_many_wait_a_stranger_must_retry_without_losing_an_attempt(portal: Portal) -> None:
    browser, known = portal.browser(), portal.browser(address="203.0.113.1")
    assert (await known.sign_in(EMAIL)).status_code == 303
    token, known_token = await browser.token(), Document((await known.get("/settings")).text).value("_csrf_token")
    async with AsyncExitStack() as full:
        for number in range(AT_ONCE):
            await full.enter_async_context(portal.pages.logins._checking.turn(f"192.0.2.{number}"))
        room = portal.pages.logins._checking
        waiting = [asyncio.ensure_future(hold(room, f"192.0.2.{number}")) for number in range(2, 2 + WAITING_IN_ALL)]
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while room.here < AT_ONCE + WAITING_IN_ALL:
                await portal.sessions()
        refused = [await browser.sign_in(EMAIL, token=token) for _ in range(6)]
        coming_back = asyncio.ensure_future(known.sign_in(EMAIL, token=known_token))
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while room.here <= AT_ONCE + WAITING_IN_ALL:
                await portal.sessions()
    await asyncio.gather(*waiting)

    assert {one.status_code for one in refused} == {429}
    assert (await coming_back).status_code == 303
    assert (await browser.sign_in(EMAIL, token=token)).status_code == 303


async def test_a_visitor_who_goes_away_gives_the_place_back_without_a_turn() -> None:
    room = WaitingRoom(at_once=1, of_address=2, in_all=1)
    waits, left = asyncio.Event(), asyncio.Event()

    async def gone() -> None:
        waits.set()
        await left.wait()

    async def visit() -> None:
        async with room.turn("198.51.100.2", gone=gone):
            raise AssertionError("There is no turn for those who have gone.")

    async with room.turn("198.51.100.1"):
        waiting = asyncio.create_task(visit())
        await waits.wait()
        left.set()
        with pytest.raises(Gone):
            await waiting
        assert room.here == 1
    async with room.turn("198.51.100.3", gone=gone):  # who has a turn keeps it
        assert room.here == 1


async def hold(room: WaitingRoom, address: str) -> None:
    async with room.turn(address):
        pass


async def test_each_rejection_is_one_log_line_and_one_count_without_the_input(portal: Portal) -> None:
    before = DENIED.copy()
    browser, link = portal.browser(), await portal.link(EMAIL, seconds=-1)
    with capture_logs() as lines:
        await browser.sign_in(EMAIL, WRONG)
        await browser.sign_in("nope@example.com", WRONG)
        await browser.follow(link)
        for _ in range(5):
            await browser.sign_in(EMAIL, WRONG)
        for headers in ({}, {"tracking-api-key": "wk_live_guess"}):
            await browser.client.get("/v1/endpoints", headers=headers)

    reasons = ["password"] * 2 + ["login_link"] + ["password"] * 4 + ["too_many_tries", "key_missing", "key_unknown"]
    assert [line["reason"] for line in lines] == reasons
    assert {(line["event"], line["log_level"], line["address"]) for line in lines} == {
        ("access_denied", "info", CLIENT)
    }
    assert not any(text in str(lines) for text in (EMAIL, WRONG, "wk_live", link.rpartition("/")[2]))
    assert (DENIED - before) == Counter(reasons)


async def test_an_address_has_twenty_attempts_a_minute_of_its_own(portal: Portal) -> None:
    browser = portal.browser()
    token = await browser.token()
    tries = [(await browser.sign_in(f"{number}@example.com", WRONG, token=token)).status_code for number in range(20)]

    refused = [await browser.sign_in(EMAIL, token=token) for _ in range(6)]

    assert tries == [422] * 20
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(429, "60")}
    assert (await portal.browser(address="203.0.113.1").sign_in(EMAIL)).status_code == 303


async def test_an_ipv6_network_counts_as_one_address(portal: Portal) -> None:
    for number in range(20):
        await portal.browser(address=f"2001:db8::{number:x}:1").sign_in(f"{number}@example.com", WRONG)

    same = await portal.browser(address="2001:db8::ffff:ffff").sign_in(EMAIL)
    other = await portal.browser(address="2001:db8:0:1::1").sign_in(EMAIL)

    assert (same.status_code, other.status_code) == (429, 303)


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]], ids=["nobody is trusted", "behind a trusted proxy"])
async def test_forged_forwarding_headers_gain_no_attempts(database: Database, trusted: list[str]) -> None:
    async with serving_pages(database, trusted_proxies=trusted) as portal:
        browser = portal.browser(address="10.0.0.1")
        token = await browser.token()
        for number in range(20):
            hops = [("x-forwarded-for", f"203.0.113.{number}"), ("x-forwarded-for", CLIENT)]
            await browser.client.post("/login", data={"_csrf_token": token, "email": f"{number}@x.test"}, headers=hops)

        refused = await browser.sign_in(EMAIL, token=token, headers={"x-forwarded-for": f"192.0.2.1, {CLIENT}"})

    assert refused.status_code == 429


async def test_a_login_link_works_once(portal: Portal) -> None:
    link = await portal.link(EMAIL)
    browser, second = portal.browser(), portal.browser()

    scanned = [await second.get(link), await second.client.head(link)]
    answer = await browser.follow(link, to="/help")
    again = await second.follow(link)

    assert [(one.status_code, len(one.content) > 0) for one in scanned] == [(200, True), (200, False)]
    assert (answer.status_code, answer.headers["location"]) == (303, "/help")
    assert await is_in(browser)
    assert (again.status_code, cookies_of(again).get("waypost_session")) == (422, None)
    assert "has already been used or has expired" in Document(again.text).text
    assert not await is_in(second)


@pytest.mark.parametrize("path", ["/login/unknown", "/login/" + "x" * 101, "/login/%00", "/login/%C3%A9%F0%9F%90%B4"])
async def test_a_forged_link_does_not_work(portal: Portal, path: str) -> None:
    browser = portal.browser()

    answer = await browser.follow(path)

    assert answer.status_code == 422
    assert not await is_in(browser)


async def test_a_login_link_expires(portal: Portal) -> None:
    link = await portal.link(EMAIL, seconds=-1)

    assert (await portal.browser().follow(link)).status_code == 422


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
async def test_next_never_redirects_to_another_site(portal: Portal, elsewhere: str) -> None:
    browser = portal.browser()

    form = Document((await browser.get("/login", params={"next": elsewhere})).text)
    link = await browser.follow(await portal.link(EMAIL), to=elsewhere)
    answer = await browser.sign_in(EMAIL, to=elsewhere)

    assert form.value("next") == "/"
    assert (link.status_code, link.headers["location"]) == (303, "/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "x-evil" not in answer.headers
