"""Who comes in to the pages, how often that may be tried, and where to."""

import time
from typing import Any, cast
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher
from httpx import Response

from tests.support.visiting import CLIENT, EMAIL, HASH, PASSWORD, Document, Portal, cookies_of, is_in, serving_pages
from waypost.store.database import Database

HOME = "/developer/webhooks"
WRONG = "wrong horse battery"
ELSEWHERE = (
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "https:evil"),
    *("evil.example", "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/ok\r\nx-evil: 1", "/\x00"),
    *("/developer\u2028", "/\u00e9", "/\uff0fevil.example", "", "/login", "/login?next=/x"),
)


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no try be forgotten before the next, however long a machine takes for a password."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.fixture
async def portal(portal: Portal) -> Portal:
    await portal.account(EMAIL)
    return portal


def leads_to_login(answer: Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/login?")


async def test_a_user_signs_in_and_is_led_to_where_the_way_to_the_login_began(portal: Portal) -> None:
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


async def test_the_address_is_taken_in_any_case_and_with_spaces_around_it(portal: Portal) -> None:
    browser = portal.browser()

    assert (await browser.sign_in(" SHOP@Example.com ")).status_code == 303


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer_for_the_same_work(portal: Portal) -> None:
    seconds: dict[str, list[float]] = {}
    texts, answered = set(), [0.0]
    application: Any = portal.application

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        """Note when the answer is whole: what is written down after it tells a visitor nothing."""

        async def passing(message: Any) -> None:
            await send(message)
            answered[0] = time.process_time()

        await application(scope, receive, passing)

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
    assert "E-mail or password is wrong." in Document(texts.pop()).text
    assert unknown > known / 2


async def test_nothing_that_was_typed_as_a_password_comes_back(portal: Portal) -> None:
    answer = await portal.browser().sign_in(EMAIL, WRONG)

    assert WRONG not in answer.text


async def test_letters_that_are_only_similar_lead_to_no_user(portal: Portal) -> None:
    # PostgreSQL's lower() makes an i of U+0130, Python's does not: tries would be counted apart.
    await portal.account("iii@example.com")

    answer = await portal.browser().sign_in("\u0130ii@example.com")

    assert answer.status_code == 422


async def test_a_hash_of_old_parameters_is_renewed_by_signing_in_and_ends_no_session(portal: Portal) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    await portal.account("old@example.com", password_hash=old)
    there_before = await portal.visitor("old@example.com")

    first = await portal.browser().sign_in("old@example.com")
    second = await portal.browser().sign_in("old@example.com")

    stored = "select password_hash from account_user where email = $1"
    renewed = await portal.database.serving.fetchval(stored, "old@example.com")
    assert (first.status_code, second.status_code) == (303, 303)
    assert not PasswordHasher().check_needs_rehash(renewed)
    assert PasswordHasher().verify(renewed, PASSWORD)
    assert await portal.database.serving.fetchval(stored, EMAIL) == HASH
    assert await is_in(there_before)


async def test_the_sixth_try_of_a_minute_is_not_looked_at_wherever_it_comes_from(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = [await portal.browser(address=f"198.51.100.{number}").sign_in(EMAIL, WRONG) for number in range(5)]

    sixth = await portal.browser(address="203.0.113.1").sign_in(EMAIL.upper())

    assert [answer.status_code for answer in tries] == [422] * 5
    assert (sixth.status_code, sixth.headers["retry-after"], cookies_of(sixth)) == (429, "60", {})
    assert "wait a minute" in Document(sixth.text).text
    assert await portal.sessions() == []
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 61)
    assert (await portal.browser().sign_in(EMAIL)).status_code == 303


async def test_an_address_has_twenty_tries_a_minute_and_then_uses_up_those_of_nobody_else(portal: Portal) -> None:
    browser = portal.browser()
    token = await browser.token()
    tries = [(await browser.sign_in(f"{number}@example.com", WRONG, token=token)).status_code for number in range(20)]

    refused = [await browser.sign_in(EMAIL, token=token) for _ in range(6)]

    assert tries == [422] * 20
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(429, "60")}
    assert (await portal.browser(address="203.0.113.1").sign_in(EMAIL)).status_code == 303


async def test_of_ipv6_a_whole_network_counts_as_one_address(portal: Portal) -> None:
    for number in range(20):
        await portal.browser(address=f"2001:db8::{number:x}:1").sign_in(f"{number}@example.com", WRONG)

    same = await portal.browser(address="2001:db8::ffff:ffff").sign_in(EMAIL)
    other = await portal.browser(address="2001:db8:0:1::1").sign_in(EMAIL)

    assert (same.status_code, other.status_code) == (429, 303)


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]], ids=["nobody is trusted", "behind a trusted proxy"])
async def test_what_visitors_say_of_their_address_gains_no_tries(database: Database, trusted: list[str]) -> None:
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

    answer = await browser.get(f"{link}?next=/help")
    again = await second.get(link)

    assert (answer.status_code, answer.headers["location"]) == (303, "/help")
    assert await is_in(browser)
    assert (again.status_code, cookies_of(again).get("waypost_session")) == (422, None)
    assert "was used already or has expired" in Document(again.text).text
    assert not await is_in(second)


@pytest.mark.parametrize("path", ["/login/unknown", "/login/" + "x" * 101, "/login/%00", "/login/%C3%A9%F0%9F%90%B4"])
async def test_a_link_that_nobody_made_leads_nowhere(portal: Portal, path: str) -> None:
    browser = portal.browser()

    answer = await browser.get(path)

    assert answer.status_code == 422
    assert not await is_in(browser)


async def test_a_link_ends(portal: Portal) -> None:
    link = await portal.link(EMAIL, seconds=-1)

    assert (await portal.browser().get(link)).status_code == 422


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
async def test_next_never_leads_to_another_site(portal: Portal, elsewhere: str) -> None:
    browser = portal.browser()

    form = Document((await browser.get("/login", params={"next": elsewhere})).text)
    link = await browser.get(f"{await portal.link(EMAIL)}?next={quote(elsewhere)}")
    answer = await browser.sign_in(EMAIL, to=elsewhere)

    assert form.value("next") == "/"
    assert (link.status_code, link.headers["location"]) == (303, "/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "x-evil" not in answer.headers
