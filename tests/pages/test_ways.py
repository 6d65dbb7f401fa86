"""What people do on the pages, by role and label, with and without scripts."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.browsing import NARROW
from tests.support.portal import Portal
from tests.support.seeding import report
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE
from waypost.payloads import render
from waypost.payloads.samples import sample_state
from waypost.signing import standard, v2v3, v4


@pytest.fixture
def email(portal: Portal, request: pytest.FixtureRequest) -> str:
    """Create an account for this test."""
    address = f"{abs(hash(request.node.name))}@example.com"
    portal.account(address)
    return address


def act(page: Page, item: str) -> None:
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name=item).click()


def add(page: Page, url: str, *, version: str = "V4") -> str:
    """Add an endpoint with the form and return its id."""
    page.get_by_role("button", name="Add webhook").click()
    page.get_by_label("Webhook URL").fill(url)
    page.get_by_label("Version").select_option(version)
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(url)
    return page.url.split("/")[-1].partition("?")[0]


def test_setting_up_a_webhook_from_the_login_to_its_secret(portal: Portal, visit, email: str, script) -> None:
    page = visit(None, "/developer/webhooks", java_script_enabled=script)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks", exact=True).click()
    page.get_by_role("button", name="Add webhook").click()
    expect(page.get_by_label("Version")).to_have_value("V4")
    page.get_by_label("Webhook URL").fill(f"{portal.hooks.url}/set-up")
    page.get_by_label("Description").fill("My shop")
    page.get_by_role("radio", name="Specific statuses").check()
    names = ["Info Received", "In Transit", "Out for Delivery", "Failed Attempt"]
    for name in [*names, "Delivered", "Exception", "Expired", "Not Found"]:
        expect(page.get_by_role("checkbox", name=name)).to_be_visible()
    page.get_by_role("checkbox", name="Delivered").check()
    page.get_by_role("checkbox", name="Exception").check()
    page.get_by_role("radio", name="Only when the status changes").check()

    page.get_by_role("button", name="Add endpoint").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{portal.hooks.url}/set-up")
    expect(page.get_by_role("status")).to_contain_text("Endpoint added.")
    main = page.get_by_role("main")
    for text in ("My shop", "V4", "Delivered, Exception", "Only when the status changes"):
        expect(main.get_by_text(text, exact=True).first).to_be_visible()
    assert "whsec_" not in page.locator("#secret").locator("..").inner_text()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text(re.compile("^whsec_.{44}$"))).to_be_visible()
    expect(page.get_by_role("region", name="Code that verifies a webhook in Python")).to_contain_text("def verify")


def test_a_wrong_password_is_rejected_without_revealing_whether_the_user_exists(visit, email: str) -> None:
    said = []
    for address in (email, "nobody@example.com"):
        page = visit(None, "/login")
        page.get_by_label("E-mail").fill(address)
        page.get_by_label("Password").fill("wrong horse")
        page.get_by_role("button", name="Sign in").click()
        said.append(page.get_by_role("alert").inner_text())

    assert said == ["Wrong e-mail or password."] * 2


def test_invalid_input_is_reported_at_its_field_and_the_form_keeps_it(visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks?do=add", java_script_enabled=script)
    page.get_by_label("Webhook URL").fill("http://10.0.0.1:8080/hook")
    page.get_by_label("Description").fill("Kept")
    page.get_by_role("radio", name="Specific statuses").check()
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Custom headers").fill("host: evil.example")
    page.get_by_label("Custom secret").fill("short")

    page.get_by_role("button", name="Add endpoint").click()

    dialog = page.get_by_role("dialog", name="Add webhook")
    for label in ("Webhook URL", "Custom headers", "Custom secret"):
        expect(dialog.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(dialog.locator("#url-error")).to_contain_text("address")
    expect(dialog.locator("#headers-error")).to_contain_text("Host")
    expect(dialog.locator("#statuses-error")).to_contain_text("Choose at least one status")
    expect(dialog.get_by_label("Description")).to_have_value("Kept")
    expect(dialog.get_by_label("Custom headers")).to_have_value("host: evil.example")
    page.goto("/developer/webhooks")
    expect(page.get_by_role("heading", name="How webhooks work")).to_be_visible()


def test_a_fifth_endpoint_is_rejected_with_the_reason(visit) -> None:
    page = visit("filled@example.com", "/developer/webhooks")

    button = page.get_by_role("button", name="Add webhook")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("All 4 endpoints are in use. Delete one to add another.")


def test_updating_a_webhook(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    add(page, f"{portal.hooks.url}/before")

    act(page, "Update details")
    dialog = page.get_by_role("dialog", name="Update details")
    dialog.get_by_label("Webhook URL").fill(f"{portal.hooks.url}/after")
    dialog.get_by_label("Description").fill("Changed")
    dialog.get_by_label("Version").select_option("V3")
    dialog.get_by_text("Advanced", exact=True).click()
    dialog.get_by_label("Ordering").select_option("Latest event only")
    dialog.get_by_label("Custom headers").fill("X-Shop: little\n\nauthorization: Bearer a b")
    dialog.get_by_label("Custom secret").fill("2e55b9a3-4dd1-4416-9897-c4bd1e3d738f")
    dialog.get_by_role("button", name="Update endpoint").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{portal.hooks.url}/after")
    expect(page.get_by_role("status")).to_contain_text("Endpoint updated.")
    act(page, "Update details")
    expect(dialog.get_by_label("Version")).to_have_value("V3")
    expect(dialog.get_by_label("Ordering")).to_have_value("latest")
    expect(dialog.get_by_label("Custom headers")).to_have_value("x-shop: little\nauthorization: Bearer a b")
    dialog.get_by_text("Cancel").click()
    page.get_by_role("button", name="Reveal").click()
    expect(page.get_by_text("2e55b9a3-4dd1-4416-9897-c4bd1e3d738f")).to_be_visible()
    expect(page.get_by_role("button", name="End overlap now")).to_be_visible()


@pytest.mark.parametrize("version", ["V4", "V3", "V2"])
def test_testing_a_webhook_shows_its_response_at_once(portal: Portal, visit, email: str, script, version: str) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    path = f"/ok/{email}"
    add(page, portal.hooks.url + path, version=version)

    act(page, "Test endpoint")
    dialog = page.get_by_role("dialog", name="Test endpoint")
    dialog.get_by_label("Status", exact=True).select_option("exception")
    if not script:
        dialog.get_by_role("button", name="Show payload").click()
    expect(dialog.get_by_role("region", name="Payload of the test")).to_contain_text("Refused by the addressee")
    dialog.get_by_role("button", name="Send test").click()

    answer = dialog.get_by_role("status", name="Response")
    expect(answer).to_contain_text("Accepted by the endpoint.")
    expect(answer).to_contain_text("Status 200")
    expect(answer).to_contain_text("application/json")
    expect(answer.get_by_role("region", name="Response body")).to_contain_text('"received"')
    page.reload()
    expect(answer).to_contain_text("Accepted by the endpoint.")
    [hook] = portal.hooks.wait_for(path)
    assert hook.headers["waypost-test"] == "true"
    body = json.loads(hook.body)
    assert body["data"] == json.loads(render(Version(version), sample_state(SELECTABLE[5])))["data"]
    answer.get_by_role("link", name="Full request and response").click()
    expect(page.get_by_role("heading", name=re.compile("Attempt 1: Accepted by the endpoint"))).to_be_visible()
    expect(page.get_by_text("Test", exact=True)).to_be_visible()


def test_a_failed_test_explains_what_to_do(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    for path, said in (
        ("/broken", "Check its log"),
        ("/moved", f"Use the target URL, {portal.hooks.url}/moved/"),
        ("/closed", "The receiver requires a login"),
    ):
        page.goto("/developer/webhooks")
        add(page, portal.hooks.url + path)
        act(page, "Test endpoint")
        page.get_by_role("button", name="Send test").click()

        expect(page.get_by_role("status", name="Response")).to_contain_text(said)


def test_disabling_enabling_and_deleting_a_webhook(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    add(page, f"{portal.hooks.url}/switched")

    act(page, "Disable")
    dialog = page.get_by_role("dialog", name="Disable this endpoint?")
    expect(dialog).to_contain_text("No webhooks are waiting.")
    dialog.get_by_role("button", name="Disable endpoint").click()
    expect(page.get_by_text("Disabled", exact=True)).to_be_visible()

    act(page, "Enable")
    page.get_by_role("button", name="Enable endpoint").click()
    expect(page.get_by_text("Nothing sent yet")).to_be_visible()

    act(page, "Delete")
    page.get_by_role("dialog", name="Delete this endpoint?").get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_role("status")).to_contain_text("Endpoint deleted.")
    expect(page.get_by_role("heading", name="How webhooks work")).to_be_visible()


def test_deleting_shows_how_many_deliveries_wait_and_what_happens_to_them(portal: Portal, visit, email: str) -> None:
    page = visit(email, "/developer/webhooks")
    add(page, f"{portal.hooks.url}/broken/waiting")
    api = portal.api(email)
    for number in range(3):
        report(api, f"WAIT{number}", 1)
    portal.hooks.wait_for("/broken/waiting", 3)
    page.reload()

    act(page, "Delete")
    dialog = page.get_by_role("dialog", name="Delete this endpoint?")
    expect(dialog).to_contain_text("3 waiting webhooks will be cancelled and never sent.")
    dialog.get_by_role("button", name="Delete endpoint").click()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhook history").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_have_count(4)  # three, and the choice in the filter


def test_rotating_a_secret_and_ending_the_overlap(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    add(page, f"{portal.hooks.url}/ok/rotated/{email}")
    page.get_by_role("button", name="Reveal").click()
    shown = page.get_by_text(re.compile("^whsec_.{44}$"))
    before = shown.inner_text()

    act(page, "Rotate secret")
    page.get_by_role("dialog", name="Rotate secret?").get_by_role("button", name="Rotate secret").click()
    expect(shown).not_to_have_text(before)
    after = shown.inner_text()
    page.get_by_role("button", name="End overlap now").click()

    expect(page.get_by_role("button", name="End overlap now")).to_have_count(0)
    act(page, "Test endpoint")
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("status", name="Response")).to_contain_text("Accepted by the endpoint.")
    [hook] = portal.hooks.wait_for(f"/ok/rotated/{email}")
    now = int(hook.headers["webhook-timestamp"])
    v4.verify(hook.headers["timestamp"], hook.headers["signature"], after, now=now)
    identity, stamp, signature = (hook.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    standard.verify(identity, stamp, signature, hook.body, standard.key_of(after), now=now)


def test_v2_and_v3_are_signed_with_the_email_on_the_page(portal: Portal, visit, email: str) -> None:
    page = visit(email, "/developer/webhooks")
    add(page, f"{portal.hooks.url}/ok/inside/{email}", version="V3")
    page.get_by_role("navigation", name="Signature").get_by_role("link", name="TrackingMore V3").click()
    expect(page.get_by_text(f"its key is the account's e-mail address, {email}")).to_be_visible()

    act(page, "Test endpoint")
    page.get_by_role("button", name="Send test").click()

    expect(page.get_by_role("status", name="Response")).to_contain_text("Accepted by the endpoint.")
    [hook] = portal.hooks.wait_for(f"/ok/inside/{email}")
    verify = json.loads(hook.body)["verify"]
    v2v3.verify(verify["timestamp"], verify["signature"], email, now=verify["timestamp"])


def test_setting_up_and_testing_by_keyboard_alone(portal: Portal, visit, email: str) -> None:
    page = visit(email, "/developer/webhooks")
    keys = page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(60):
            keys.press("Tab")
            if (
                page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText").strip()
                == name
            ):
                return
        raise AssertionError(f"{name} can't be reached")

    tab_to("Add webhook")
    keys.press("Enter")
    expect(page.get_by_label("Webhook URL")).to_be_focused()
    keys.type(f"{portal.hooks.url}/ok/keyboard")
    tab_to("Add endpoint")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{portal.hooks.url}/ok/keyboard")
    tab_to("Actions")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Test endpoint")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_label("Status", exact=True)).to_be_focused()
    tab_to("Send test")
    keys.press("Enter")
    expect(page.get_by_role("status", name="Response")).to_contain_text("Accepted by the endpoint.")
    keys.press("Escape")
    expect(page.get_by_role("dialog", name="Test endpoint")).to_be_hidden()


def test_signing_out_ends_the_session_on_the_server_too(visit, portal: Portal, email: str) -> None:
    page = visit(None, portal.login_link(email))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Shop")).to_be_visible()
    kept = page.context.cookies()
    page.get_by_role("button", name="Shop").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.context.add_cookies([{**cookie} for cookie in kept])
    page.goto("/developer/webhooks")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_resending_a_delivery_and_cancelling_one(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    add(page, f"{portal.hooks.url}/broken/{email}")
    report(portal.api(email), f"WAY{abs(hash(email)) % 10**8}", 1)
    portal.hooks.wait_for(f"/broken/{email}", 1)
    page.reload()
    page.get_by_role("region", name="Deliveries", exact=True).get_by_role("link").first.click()

    page.get_by_role("button", name="Resend").click()

    expect(page.get_by_role("status")).to_contain_text("Resent.")
    expect(page.get_by_role("link", name="the original delivery")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("cancel")


def test_enabling_a_webhook_offers_its_missed_events_with_their_count(
    portal: Portal, visit, email: str, script
) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    add(page, f"{portal.hooks.url}/ok/missed/{email}")
    act(page, "Disable")
    page.get_by_role("button", name="Disable endpoint").click()
    report(portal.api(email), "MISSED1", 1)
    report(portal.api(email), "MISSED1", 2)
    act(page, "Enable")

    page.get_by_role("button", name="Enable endpoint").click()

    dialog = page.get_by_role("dialog", name="Recover")
    expect(dialog.get_by_role("status")).to_contain_text("2 webhooks would be sent: missed while disabled since")
    dialog.get_by_role("button", name="again").last.click()
    expect(page.get_by_role("heading", name="Recoveries")).to_be_visible()
    portal.hooks.wait_for(f"/ok/missed/{email}", 2)


def test_a_recoverys_progress_updates_without_a_reload_and_keeps_the_focus(portal: Portal, visit, email: str) -> None:
    api = portal.api(email)
    endpoint = api.post("/v1/endpoints", {"url": f"{portal.hooks.url}/broken/recovered/{email}"})["id"]
    api.post(f"/v1/endpoints/{endpoint}/disable", {})
    report(api, "MISSED1", 1)
    api.post(f"/v1/endpoints/{endpoint}/enable", {})
    asked = {"endpoint_id": endpoint, "since": "2020-01-01T00:00:00Z", "only": "missed"}
    recovery = api.post("/v1/recoveries", asked)["id"]
    page = visit(email, f"/developer/webhooks/{endpoint}")
    page.clock.install()
    page.reload()
    shown = page.get_by_role("region", name="Recoveries")
    stop = shown.get_by_role("button", name="Stop")
    stop.evaluate("(button) => { button.focus(); button.className = 'old'; }")

    page.clock.run_for(6_000)
    expect(stop).not_to_have_class("old")
    expect(stop).to_be_focused()
    api.post(f"/v1/recoveries/{recovery}/stop", {})
    page.clock.run_for(6_000)

    expect(shown).to_contain_text("stopped")
    expect(stop).to_have_count(0)


def test_a_redirect_to_a_trailing_slash_can_be_adopted_with_a_button(portal: Portal, visit, email: str, script) -> None:
    page = visit(email, "/developer/webhooks", java_script_enabled=script)
    url = f"{portal.hooks.url}/moved/{email}"
    add(page, url)
    act(page, "Test endpoint")
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_role("status", name="Response")).to_contain_text("returned 301")
    page.get_by_role("link", name="Close").click()
    page.reload()
    expect(page.get_by_role("region", name="Last errors")).to_contain_text(f"Use the target URL, {url}/")
    if script:  # what looks at the page is script too
        assert Axe().run(page).violations_count == 0
        page.set_viewport_size(NARROW)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]

    page.get_by_role("button", name="Use this URL").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(f"{url}/")
    expect(page.get_by_role("heading", name="Last errors")).to_be_hidden()
