"""A shop connects a carrier in the browser, tests it, sees it fail, and repairs it, with and without scripts."""

import time

import pytest
from playwright.sync_api import Page, expect

from examples.carriers.stand_in import Mood
from tests.support.browsing import judge
from tests.support.portal import Portal

HANGS_AFTER_SECONDS = 60
RENEWED = "another-s3cret"


@pytest.fixture
def email(portal: Portal, request: pytest.FixtureRequest) -> str:
    """Create an account for this test."""
    address = f"{abs(hash(request.node.name))}@example.com"
    portal.account(address)
    portal.ups.mood = Mood.NORMAL
    return address


def wait_for_state(portal: Portal, email: str, state: str) -> None:
    """Wait until the account's connection is in a state."""
    until = time.monotonic() + HANGS_AFTER_SECONDS
    while (found := portal.api(email).get("/v1/connections")["items"][0]["state"]) != state:
        assert time.monotonic() < until, found


def add_parcel(portal: Portal, email: str, number: str) -> None:
    portal.api(email).post("/v4/trackings/create", {"tracking_number": number, "courier_code": "ups"})


def act(page: Page, item: str) -> None:
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name=item).click()


def connect(page: Page) -> None:
    """Find UPS, and connect it with valid credentials after invalid ones."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Sources").click()
    page.get_by_role("button", name="Connect a carrier").click()
    page.get_by_role("searchbox", name="Carrier").fill("ups")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="UPS", exact=True).click()
    page.get_by_label("Client ID").fill("me")
    page.get_by_label("Client Secret").fill("wrong")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("UPS rejected the credentials (401): Invalid Authentication Information")).to_be_visible()
    expect(page.get_by_role("button", name="Save anyway")).to_be_visible()
    page.get_by_label("Client Secret").fill("right")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("status")).to_contain_text("UPS accepts the credentials. Nothing is saved yet.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("UPS")
    expect(page.get_by_text("Not used yet")).to_be_visible()


def test_a_carrier_is_connected_fails_and_is_repaired(portal: Portal, visit, email: str, script) -> None:
    page: Page = visit(email, "/", java_script_enabled=script)
    connect(page)
    add_parcel(portal, email, "1Z1")
    wait_for_state(portal, email, "works")
    page.reload()
    expect(page.get_by_text("Working", exact=True)).to_be_visible()

    portal.ups.mood = Mood.REFUSED  # somebody has revoked them on UPS' portal
    add_parcel(portal, email, "1Z2")
    wait_for_state(portal, email, "refused")
    page.goto("/sources")
    expect(page.get_by_role("main").get_by_text("Rejected", exact=True)).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="UPS", exact=True).click()
    portal.ups.mood = Mood.NORMAL
    act(page, "Replace credentials")
    page.get_by_label("Client ID").fill("me")
    page.get_by_label("Client Secret").fill(RENEWED)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Credentials replaced")
    wait_for_state(portal, email, "works")
    assert RENEWED not in page.content()


def test_unreadable_answers_are_shown_with_their_structure_until_the_carrier_is_itself_again(
    portal: Portal, visit, email: str
) -> None:
    page: Page = visit(email, "/sources", java_script_enabled=True)  # axe needs scripts
    connect(page)
    portal.ups.mood = Mood.HTML
    add_parcel(portal, email, "1Z4")
    wait_for_state(portal, email, "unreadable")

    page.reload()
    expect(page.get_by_role("heading", name="Unreadable response")).to_be_visible()
    expect(page.get_by_role("region", name="Structure of the response")).to_contain_text("<html <head <title")
    judge(page, script=True)

    portal.ups.mood = Mood.NORMAL
    add_parcel(portal, email, "1Z5")
    wait_for_state(portal, email, "works")
    page.reload()
    expect(page.get_by_text("Working", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Unreadable response")).to_have_count(0)


def test_deleting_a_connection_says_how_many_parcels_use_it(portal: Portal, visit, email: str, script) -> None:
    page: Page = visit(email, "/sources", java_script_enabled=script)
    connect(page)
    add_parcel(portal, email, "1Z3")
    wait_for_state(portal, email, "works")
    page.reload()

    act(page, "Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Parcels that use this connection: 1.")
    dialog.get_by_role("button", name="Delete connection").click()

    expect(page.get_by_text("No carrier is connected.")).to_be_visible()
