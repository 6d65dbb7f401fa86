"""Two tabs, a reload, a page that is gone: nothing is overwritten, made twice or lost by accident."""

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, is_in

HOME = "/developer/webhooks"
FIELDS = {"url": "http://127.0.0.1/hook", "version": "V4", "which": "all", "trigger": "every_update"}
FIELDS |= {"ordering": "ordered", "disable_after_days": "7"}


async def test_the_second_tab_sees_what_the_first_has_changed_before_it_replaces_it(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    here = f"{HOME}/{await portal.endpoint(shop)}"
    seen = Document((await browser.get(f"{here}?do=update")).text).value("seen")
    first = {**FIELDS, "description": "from tab 1", "url": "http://127.0.0.1/first", "seen": seen}
    second = {**FIELDS, "description": "from tab 2", "seen": seen}
    assert (await browser.post(f"{here}/update", form=first)).status_code == 303

    refused = await browser.post(f"{here}/update", form=second)
    kept = (await shop.get("/v1/endpoints")).json()["items"][0]
    page = assert_harmless(refused.text)
    accepted = await browser.post(f"{here}/update", form={**second, "seen": page.value("seen")})

    assert refused.status_code == 422
    assert "Webhook URL: http://127.0.0.1/first" in page.text
    assert "Description: from tab 1" in page.text
    assert page.value("description") == "from tab 2"
    assert (kept["description"], kept["url"]) == ("from tab 1", "http://127.0.0.1/first")
    assert accepted.status_code == 303
    assert (await shop.get("/v1/endpoints")).json()["items"][0]["description"] == "from tab 2"


async def test_a_form_whose_values_nobody_has_changed_is_saved_at_once(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    here = f"{HOME}/{await portal.endpoint(shop)}"
    seen = Document((await browser.get(f"{here}?do=update")).text).value("seen")

    answer = await browser.post(f"{here}/update", form={**FIELDS, "description": "new", "seen": seen})

    assert answer.status_code == 303


async def test_the_settings_of_the_account_are_not_overwritten_either(browser: Browser) -> None:
    seen = Document((await browser.get("/settings")).text).value("seen")
    form = {"email": "shop@example.com", "accent": "", "embed_origins": "", "seen": seen}
    await browser.post("/settings", form={**form, "name": "First"})

    refused = await browser.post("/settings", form={**form, "name": "Second"})

    assert refused.status_code == 422
    assert "Name: First" in refused.text
    assert "First" in (await browser.get("/settings")).text


async def test_a_new_key_is_shown_once_and_a_reload_makes_no_other(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    answer = await browser.post("/developer/apikeys", form={"name": "Shop", "scope": "read"})
    stored = [bytes(row["data"]) for row in await portal.sessions()]
    shown = await browser.get(answer.headers["location"])
    again = await browser.get(answer.headers["location"])

    key = Document(shown.text).all("code", **{"class": "copyable"})[0].text
    assert (answer.status_code, answer.headers["location"]) == (303, "/developer/apikeys")
    assert (await shop.client.get("/v1/endpoints", headers={"tracking-api-key": key})).status_code == 200
    assert key not in again.text
    assert all(key.encode() not in data for data in stored)
    assert await portal.database.serving.fetchval("select count(*) from api_key where name = 'Shop'") == 1


async def test_a_page_that_is_gone_keeps_the_navigation(portal: Portal, browser: Browser) -> None:
    for path in (f"{HOME}/ep_x", f"{HOME}/history/dlv_x", "/trackings/x", "/no-page", f"{HOME}/no/page", "/settings/x"):
        answer = await browser.get(path)
        stranger = await portal.browser().get(path)

        assert answer.status_code == 404, path
        page = assert_harmless(answer.text)
        assert "Webhook history" in page.text, path
        assert page.all("a", href=HOME), path
        assert "Webhook history" not in stranger.text, path


async def test_signing_out_on_a_page_that_does_not_exist_works(browser: Browser) -> None:
    page = Document((await browser.get("/no-page")).text)

    answer = await browser.post("/logout", token=page.value("_csrf_token"))

    assert answer.status_code == 303
    assert not await is_in(browser)
