"""A form that is sent after the session has ended is not lost: it is back after signing in, and nothing was changed."""

import time
from typing import Any

import pytest
from httpx import Response

from tests.support.api import Caller
from tests.support.visiting import EMAIL, Browser, Document, Portal, assert_harmless
from waypost.portal import drafts
from waypost.portal.form_filling import fill_form

HOME = "/developer/webhooks"
TYPED = {
    "url": "http://127.0.0.1/\"'><probe-el>",
    "description": 'The shop\'s "own" <b>',
    "version": "V3",
    "which": "some",
    "status": ["delivered", "exception"],
    "trigger": "status_change",
    "headers": "authorization: Bearer hidden-token",
    "secret": "a secret of sixteen",
}


async def send_late(
    portal: Portal, browser: Browser, page: str, action: str, form: Any, *, cookies: int = 1
) -> Response:
    """Send a page's form after its session, or every cookie, has gone."""
    shown = Document((await browser.get(page)).text)
    owner = shown.value("_for")
    token = shown.value("_csrf_token")
    await portal.database.serving.execute("delete from web_session")
    if cookies == 0:
        browser.client.cookies.clear()
    here = portal.base_url
    headers = {"referer": f"{here}{page}", "origin": here, "sec-fetch-site": "same-origin"}
    return await browser.post(action, token=token, form={"_for": owner, **form}, headers=headers)


async def sign_in_again(browser: Browser, late: Response, email: str = EMAIL) -> Response:
    shown = Document(late.text)
    form = {"email": email, "password": "correct horse", "next": shown.value("next"), "kept": shown.value("kept")}
    return await browser.post("/login", token=shown.value("_csrf_token") or await browser.token(), form=form)


@pytest.mark.parametrize("cookies", [1, 0])
async def test_what_was_typed_is_back_in_its_form_after_signing_in(
    portal: Portal, browser: Browser, shop: Caller, cookies: int
) -> None:
    late = await send_late(portal, browser, HOME, HOME, TYPED, cookies=cookies)
    answer = await sign_in_again(browser, late)
    page = await browser.get(answer.headers["location"])
    again = await browser.get(HOME)

    assert late.status_code == 401
    assert "hidden-token" not in late.text
    assert "You were signed out" in assert_harmless(late.text).text
    assert answer.headers["location"] == HOME
    shown = assert_harmless(page.text)
    assert shown.value("url") == TYPED["url"]
    assert shown.value("description") == TYPED["description"]
    assert [one.attributes["value"] for one in shown.all("option") if "selected" in one.attributes][:1] == ["V3"]
    checked = [one.attributes["value"] for one in shown.all("input") if "checked" in one.attributes]
    assert checked == ["some", "delivered", "exception", "status_change"]
    assert "open" in shown.all("dialog", id="add")[0].attributes
    assert "Your entries are back" in shown.text
    for kept_out in ("hidden-token", "a secret of sixteen"):
        assert kept_out not in page.text
    assert (await shop.get("/v1/endpoints")).json()["items"] == []
    assert Document(again.text).value("url") == ""


async def test_a_wrong_password_does_not_lose_what_was_typed(portal: Portal, browser: Browser) -> None:
    late = await send_late(portal, browser, HOME, HOME, TYPED)
    shown = Document(late.text)
    form = {"email": EMAIL, "password": "wrong", "next": shown.value("next"), "kept": shown.value("kept")}
    wrong = await browser.post("/login", token=shown.value("_csrf_token"), form=form)

    await sign_in_again(browser, wrong)

    assert Document((await browser.get(HOME)).text).value("url") == TYPED["url"]


async def test_a_user_of_another_account_sees_nothing_of_it(portal: Portal, browser: Browser) -> None:
    await portal.account("other@example.com")
    late = await send_late(portal, browser, HOME, HOME, TYPED)

    await sign_in_again(browser, late, "other@example.com")

    page = (await browser.get(HOME)).text
    assert "probe-el" not in page
    assert "Your entries are back" not in page


async def test_what_is_not_ours_too_old_or_too_large_is_not_kept(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, account = portal.pages.context.vault, (await portal.account("third@example.com")).account
    fields = [("_for", account.hex), ("url", "x")]
    sealed = drafts.sealed_draft(vault, HOME, HOME, fields)

    assert sealed is not None
    assert drafts.opened_draft(vault, sealed, account) is not None
    assert drafts.opened_draft(vault, sealed[:-8] + "AAAAAAA=", account) is None
    assert drafts.opened_draft(vault, "not base64 at all \u20ac", account) is None
    assert drafts.sealed_draft(vault, HOME, HOME, [*fields, ("x", "y" * drafts.LARGEST)]) is None
    assert drafts.sealed_draft(vault, HOME, HOME, [("url", "x")]) is None
    assert drafts.sealed_draft(vault, "/settings", "/settings/password", [*fields, ("a", "b")]) is None
    assert drafts.carried("x" * 1_000_000) is None
    now = time.time()
    monkeypatch.setattr("waypost.portal.drafts.time.time", lambda: now + drafts.KEPT_SECONDS + 1)
    assert drafts.opened_draft(vault, sealed, account) is None


async def test_a_form_of_another_site_is_never_kept(portal: Portal, browser: Browser) -> None:
    shown = Document((await browser.get(HOME)).text)
    browser.client.cookies.clear()
    headers = {"referer": f"{portal.base_url}{HOME}", "origin": "http://evil.example", "sec-fetch-site": "cross-site"}

    answer = await browser.post(HOME, token="x", form={"_for": shown.value("_for"), **TYPED}, headers=headers)

    assert answer.status_code == 403
    assert "kept" not in answer.text


async def test_a_button_that_was_pressed_too_late_leads_back_to_its_page(portal: Portal, browser: Browser) -> None:
    page = f"{HOME}/history?state=failed"

    late = await send_late(portal, browser, page, f"{HOME}/ep_x/disable", {})

    assert late.status_code == 303
    assert late.headers["location"] == "/login?next=%2Fdeveloper%2Fwebhooks%2Fhistory%3Fstate%3Dfailed"


def test_only_the_named_form_is_filled_and_everything_else_stays_byte_by_byte() -> None:
    page = (
        '<!doctype html><p title="&#34;">a &amp; b</p><svg><path d="M1"/></svg><!-- x -->'
        '<form method="post" action="/a"><input name="url" value="old"><textarea name="t">\nold</textarea></form>'
        '<dialog id="b"><form method="post" action="/b"><input name="url" value="old"></form></dialog>'
    )

    assert fill_form(page, "/c", [("url", "new")]) is None
    assert fill_form(page, "/b", [("url", '"new"')]) == page.replace(
        '<dialog id="b"><form method="post" action="/b"><input name="url" value="old">',
        '<dialog id="b" open><form method="post" action="/b"><input name="url" value="&#34;new&#34;">',
    )
    assert fill_form(page, "/a", [("t", "<new>")]) == page.replace("\nold</textarea>", "&lt;new&gt;</textarea>")
