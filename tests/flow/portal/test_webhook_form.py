"""The form of an endpoint: rejected input, and warnings that can be overridden."""

from tests.support.api import Caller
from tests.support.visiting import Browser, Document, Portal, assert_harmless

HOME = "/developer/webhooks"
URL = "http://127.0.0.1/hook"
FORM = {"url": URL, "version": "V4", "which": "all"}


def buttons(text: str) -> list[tuple[str, str | None]]:
    return [
        (one.text.strip(), one.attributes.get("value")) for one in Document(text).all("button", name="allow_duplicate")
    ]


async def urls(shop: Caller) -> list[str]:
    return [one["url"] for one in (await shop.get("/v1/endpoints")).json()["items"]]


async def test_a_duplicate_endpoint_can_be_added_anyway(portal: Portal, shop: Caller, browser: Browser) -> None:
    first = await portal.endpoint(shop, URL)

    asked = await browser.post(HOME, form=FORM)

    assert asked.status_code == 422
    assert first in asked.text
    assert "would be sent twice" in asked.text
    assert buttons(asked.text) == [("Add anyway", "true")]
    assert await urls(shop) == [URL]
    assert (await browser.post(HOME, form={**FORM, "allow_duplicate": "true"})).status_code == 303
    assert await urls(shop) == [URL, URL]


async def test_an_endpoint_can_be_changed_into_a_duplicate_anyway(
    portal: Portal, shop: Caller, browser: Browser
) -> None:
    await portal.endpoint(shop, URL)
    other = f"{HOME}/{await portal.endpoint(shop, f'{URL}/2')}/update"

    asked = await browser.post(other, form=FORM)

    assert (asked.status_code, buttons(asked.text)) == (422, [("Update anyway", "true")])
    assert (await browser.post(other, form={**FORM, "allow_duplicate": "true"})).status_code == 303
    assert await urls(shop) == [URL, URL]


async def test_other_errors_cannot_be_overridden(shop: Caller, browser: Browser) -> None:
    answer = await browser.post(HOME, form={**FORM, "url": "ftp://127.0.0.1/"})

    assert (answer.status_code, buttons(answer.text)) == (422, [])
    assert await urls(shop) == []


async def test_a_pasted_secret_is_accepted_unchanged_or_rejected(shop: Caller, browser: Browser) -> None:
    answer = await browser.post(HOME, form={**FORM, "secret": "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f "})

    assert answer.status_code == 422
    assert "white space at one end" in answer.text
    assert await urls(shop) == []


async def test_no_chosen_status_and_a_long_url_are_rejected_in_plain_words(browser: Browser) -> None:
    form = {"url": "https://shop.example/" + "x" * 2100, "version": "V4", "which": "some"}

    answer = await browser.post("/developer/webhooks", form=form)

    page = assert_harmless(answer.text)
    (statuses,) = page.all("p", id="statuses-error")
    (url,) = page.all("p", id="url-error")
    assert statuses.text == "Choose at least one status, or All statuses."
    assert "2,048" in url.text or "2048" in url.text
    assert page.value("url") == form["url"]
    assert int(page.all("input", name="url")[0].attributes["maxlength"]) > len(form["url"])  # it is not cut when pasted


async def test_the_page_says_how_deliveries_are_retried(browser: Browser) -> None:
    assert "is retried 14 times over about 6 days." in Document((await browser.get(HOME)).text).text
