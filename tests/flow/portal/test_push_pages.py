"""The pages of connections that services push to: address, secret, latest pushes, and what is done with them."""

from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import pytest

from tests.support.api import Caller
from tests.support.pushing import SECRET, easypost_event, easypost_headers, read_all
from tests.support.visiting import Browser, Portal, assert_harmless, serving_pages
from waypost.api.parts import Parts
from waypost.store.database import Database

EASYPOST = "/sources/connect-push/easypost"


@pytest.fixture
async def portal(database: Database) -> AsyncIterator[Portal]:
    async with serving_pages(database) as portal:
        yield portal


async def connect(browser: Browser, **form: str) -> str:
    """Connect EasyPost, and return the path of the connection's page."""
    answer = await browser.post(EASYPOST, form={"credential-secret": SECRET} | form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


async def address_on(browser: Browser, path: str) -> str:
    page = assert_harmless((await browser.get(path)).text)
    (shown,) = [one.text for one in page.all("code") if "/inbound/" in one.text]
    return "/inbound/" + shown.partition("/inbound/")[2]


def parts(portal: Portal) -> Parts:
    return cast("Parts", portal.pages.context)


async def push(portal: Portal, address: str, body: bytes, secret: str = SECRET) -> int:
    answer = await portal.browser().client.post(address, content=body, headers=easypost_headers(body, secret))
    return answer.status_code


async def test_the_list_of_what_can_be_connected_names_services_that_push(browser: Browser) -> None:
    page = assert_harmless((await browser.get("/sources/connect?search=easy")).text)

    assert [one.text for one in page.all("a", href=EASYPOST)] == ["EasyPost"]


async def test_a_made_up_secret_is_shown_when_it_is_made_and_on_request_only(portal: Portal, browser: Browser) -> None:
    made = await browser.post(EASYPOST, form={})
    first = await browser.get(made.headers["location"])
    path = made.headers["location"].partition("?")[0]
    later = await browser.get(path)

    secret = next(one.text for one in assert_harmless(first.text).all("code") if len(one.text) == 32)
    assert await push(portal, await address_on(browser, path), easypost_event(), secret) == 200
    assert secret not in later.text
    assert "Reveal" in later.text
    assert first.headers["cache-control"] == "no-store, no-transform"


async def test_the_page_shows_the_result_of_each_push(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    address = await address_on(browser, path)
    await push(portal, address, easypost_event())
    await push(portal, address, easypost_event(), "another secret")
    await read_all(parts(portal))

    text = assert_harmless((await browser.get(path)).text).text

    assert "Unknown parcel" in text
    assert "EZ1000000001" in text
    assert "does not match: the secret is another one" in text


async def test_unreadable_pushes_are_read_again_by_a_button(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    await push(portal, await address_on(browser, path), b"<html>")
    await read_all(parts(portal))
    before = (await browser.get(path)).text

    again = await browser.post(f"{path}/read-again")

    assert "1 push could not be read" in before
    assert again.status_code == 303
    assert await read_all(parts(portal)) == 1


async def test_a_replaced_address_works_for_a_day_or_stops_at_once(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    first = await address_on(browser, path)
    await browser.post(f"{path}/address")
    second = await address_on(browser, path)

    assert [await push(portal, one, easypost_event()) for one in (first, second)] == [200, 200]
    assert "The old address works until" in (await browser.get(path)).text

    await browser.post(f"{path}/address", form={"at_once": "yes"})
    third = await address_on(browser, path)
    assert [await push(portal, one, easypost_event()) for one in (first, second, third)] == [404, 404, 200]


async def test_the_handling_of_unknown_parcels_can_be_changed_on_the_page(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    await browser.post(f"{path}/choices", form={"name": "Aggregator", "setting-register": "yes"})
    await push(portal, await address_on(browser, path), easypost_event())
    await read_all(parts(portal))

    text = assert_harmless((await browser.get(path)).text).text

    assert "Aggregator" in text
    assert "Parcel registered" in text


async def test_new_credentials_replace_the_old_ones_at_once(portal: Portal, browser: Browser) -> None:
    path = await connect(browser)
    address = await address_on(browser, path)
    await browser.post(f"{path}/secrets", form={"credential-secret": "a new secret"})

    assert await push(portal, address, easypost_event()) == 401
    assert await push(portal, address, easypost_event(), "a new secret") == 200


@pytest.mark.parametrize("action", ["choices", "secrets", "address", "read-again"])
async def test_nobody_changes_the_connection_of_another_account(portal: Portal, browser: Browser, action: str) -> None:
    path = await connect(browser)
    await portal.account("other@example.com")
    other = await portal.visitor("other@example.com")

    assert (await other.get(path)).status_code == 404
    assert (await other.post(f"{path}/{action}")).status_code == 404


async def test_a_parcels_page_says_where_it_is_registered_and_why_not(
    portal: Portal, browser: Browser, shop: Caller
) -> None:
    path = await connect(browser, name="Aggregator")
    created = await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "usps"})
    tracking = created.json()["data"]["id"]
    await portal.database.serving.execute(
        "insert into registration (tracking, connection, refused) values ($1, $2, 'Not <b>detected</b>')",
        UUID(hex=tracking),
        UUID(hex=path.rpartition("con_")[2]),
    )

    page = assert_harmless((await browser.get(f"/trackings/{tracking}")).text)

    assert [one.text for one in page.all("a", href=path)] == ["Aggregator"]
    assert "rejected: Not <b>detected</b>" in page.text


async def test_the_page_says_what_a_silent_service_may_still_be_asked(browser: Browser) -> None:
    here = await connect(browser, **{"setting-register_there": "yes"})
    elsewhere = await connect(browser)

    polled = assert_harmless((await browser.get(here)).text).text
    pushed = assert_harmless((await browser.get(elsewhere)).text).text

    assert "checked here if their pushes stop arriving" in polled
    assert "Calls left today" not in pushed
