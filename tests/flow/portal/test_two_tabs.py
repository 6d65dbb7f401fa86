"""Two tabs, a reload, a page that is gone: nothing is overwritten, made twice or lost by accident."""

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless, is_in

HOME = "/developer/webhooks"
FIELDS = {"url": "http://127.0.0.1/hook", "version": "V4", "which": "all", "trigger": "every_update"}
UPS = {"credential-client_id": "me", "credential-client_secret": "my-secret"}
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


async def test_a_connections_name_limits_and_choices_are_not_overwritten_either(shop: Caller, browser: Browser) -> None:
    for source, form, change, told in (
        ("connect-push/easypost", "choices", {"setting-register": "yes"}, "does not know yet: yes"),
        ("connect/ups", "update", {"daily_calls": "300"}, "Calls per day: 300"),
    ):
        here = await connected(browser, source)
        seen = seen_by(Document((await browser.get(f"{here}?do=update")).text), f"{here}/{form}")
        assert (await browser.post(f"{here}/{form}", form={"name": "Main", "seen": seen, **change})).status_code == 303

        refused = await browser.post(f"{here}/{form}", form={"name": "Second", "seen": seen})
        kept = (await shop.get("/v1/connections")).json()["items"]
        page = assert_harmless(refused.text)
        now = {"name": "Second", "seen": seen_by(page, f"{here}/{form}")}
        accepted = await browser.post(f"{here}/{form}", form=now)

        assert refused.status_code == 422
        assert "Name: Main" in page.text
        assert told in page.text
        assert page.value("name") == "Second"
        assert "Main" in [one["name"] for one in kept]
        assert accepted.status_code == 303


async def test_replaced_credentials_are_not_replaced_by_an_older_form(portal: Portal, browser: Browser) -> None:
    for source, form, fields in (
        ("connect-push/easypost", "secrets", {"credential-secret": "another-secret"}),
        ("connect/ups", "credentials", {**UPS, "do": "save_anyway"}),
    ):
        here = await connected(browser, source)
        opened = await browser.get(f"{here}?do=credentials")
        seen = seen_by(Document(opened.text), f"{here}/{form}")
        first = await browser.post(f"{here}/{form}", form={**fields, "seen": seen})
        stored = await sealed(portal)

        refused = await browser.post(f"{here}/{form}", form={**fields, "seen": seen})
        kept = await sealed(portal)
        page = assert_harmless(refused.text)
        accepted = await browser.post(f"{here}/{form}", form={**fields, "seen": seen_by(page, f"{here}/{form}")})

        assert (first.status_code, refused.status_code, accepted.status_code) == (303, 422, 303)
        assert "Credentials: other ones" in page.text
        assert kept == stored
        assert await sealed(portal) != stored


async def test_an_alert_channel_is_not_overwritten_either(shop: Caller, browser: Browser) -> None:
    target = {"url": "https://hooks.slack.com/services/T/B/secret"}
    made = (await shop.post("/v1/alert-channels", {"service": "slack", "target": target, "name": "Day"})).json()
    here = f"/settings/alerts/{made['id']}"
    seen = Document((await browser.get(here)).text).value("seen")
    first = {"name": "First", "kind": "endpoint_disabled", "quiet_from": "22:00", "quiet_until": "06:00", "seen": seen}
    assert (await browser.post(f"{here}/update", form=first)).status_code == 303

    second = {"name": "Second", "kind": "endpoint_failing"}
    refused = await browser.post(f"{here}/update", form={**second, "seen": seen})
    (kept,) = (await shop.get("/v1/alert-channels")).json()["items"]
    page = assert_harmless(refused.text)
    accepted = await browser.post(f"{here}/update", form={**second, "seen": page.value("seen")})

    assert refused.status_code == 422
    for told in ("Name: First", "Incidents: Endpoint disabled", "Quiet from: 22:00"):
        assert told in page.text
    assert page.value("name") == "Second"
    assert (kept["name"], kept["kinds"]) == ("First", ["endpoint_disabled"])
    assert accepted.status_code == 303


async def connected(browser: Browser, source: str) -> str:
    """Connect a carrier or a service, untested, and return the path of its page."""
    made = await browser.post(f"/sources/{source}", form={**UPS, "do": "save_anyway", "credential-secret": "a-secret"})
    assert made.status_code == 303, made.text
    return str(made.headers["location"]).partition("?")[0]


async def sealed(portal: Portal) -> list[bytes]:
    rows = await portal.database.serving.fetch("select credentials from connection order by id")
    return [row["credentials"] for row in rows]


def seen_by(page: Document, action: str) -> str:
    """Return the version that one of a page's forms carries."""
    start = page.elements.index(page.all("form", action=action)[0])
    fields = (one.attributes for one in page.elements[start:])
    return next(field.get("value", "") for field in fields if field.get("name") == "seen")


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


async def test_opening_the_address_of_a_form_keeps_the_navigation(browser: Browser) -> None:
    answer = await browser.get("/settings/alerts/x/update")

    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"OPTIONS", "POST"})
    assert "Webhook history" in assert_harmless(answer.text).text


async def test_signing_out_on_a_page_that_does_not_exist_works(browser: Browser) -> None:
    page = Document((await browser.get("/no-page")).text)

    answer = await browser.post("/logout", token=page.value("_csrf_token"))

    assert answer.status_code == 303
    assert not await is_in(browser)
