"""Finding things out: history, deliveries, why nothing was sent, debugger, snippets, specifications, addresses."""

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.portal import Portal
from tests.support.seeding import report


def test_the_page_explains_why_an_endpoint_got_nothing(portal: Portal, visit) -> None:
    _, _, long, off = portal.endpoints
    page = visit("filled@example.com", f"/developer/webhooks/{off}/deliveries")
    expect(page.get_by_role("region", name="Events not sent")).to_contain_text("The endpoint was disabled.")

    page.goto(f"/developer/webhooks/{long}/deliveries")
    expect(page.get_by_role("region", name="Events not sent")).to_contain_text("does not receive this status")


def test_the_history_can_be_filtered_and_its_deliveries_opened(visit, script) -> None:
    page = visit("filled@example.com", "/developer/webhooks/history", java_script_enabled=script)

    page.get_by_label("Search").fill(" seed0002 ")
    page.get_by_label("State").select_option("delivered")
    page.get_by_role("button", name="Apply").click()

    rows = page.get_by_role("region", name="Deliveries").get_by_role("row")
    expect(rows).to_have_count(7)  # its heading, five of the shop, one of the long URL
    for row in rows.all()[1:]:
        expect(row).to_contain_text("SEED0002")
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Succeeded: 200")
    expect(page.get_by_role("region", name="Request body of attempt 1")).to_contain_text("<b>north</b>")


def test_an_invalid_filter_is_reported_at_its_field(visit) -> None:
    page = visit("filled@example.com", "/developer/webhooks/history?state=lost")

    expect(page.locator("#state-error")).to_be_visible()
    expect(page.get_by_text("Fix the highlighted filter")).to_be_visible()


def test_new_deliveries_are_announced_without_a_reload(portal: Portal, visit) -> None:
    page = visit("filled@example.com", "/developer/webhooks/history?state=delivered")
    page.clock.install()
    page.reload()
    report(portal.seeded, "FRESH0001", 1)
    portal.hooks.wait_for("/ok", 16)
    while not portal.seeded.get("/v1/deliveries?tracking_number=FRESH0001&state=delivered")["items"]:
        pass

    page.clock.run_for(6_000)

    expect(page.get_by_role("link", name="1 new delivery")).to_be_visible()


def test_a_history_that_only_looks_live_says_that_its_session_has_ended(visit) -> None:
    page = visit("filled@example.com", "/developer/webhooks/history")
    page.clock.install()
    page.reload()
    page.context.clear_cookies()

    page.clock.run_for(6_000)

    expect(page.get_by_role("status").filter(has_text="signed out")).to_be_visible()


def test_a_button_is_disabled_while_its_form_is_sent(portal: Portal, visit) -> None:
    delivery = portal.seeded.get("/v1/deliveries?state=delivered&tracking_number=SEED0002")["items"][0]["id"]
    page = visit("filled@example.com", f"/developer/webhooks/history/{delivery}")
    page.route("**/resend", lambda route: route.abort("aborted"))  # so that the page stays

    page.get_by_role("button", name="Resend").click()

    expect(page.get_by_role("button", name="Resending…")).to_be_disabled()


def test_a_link_to_the_form_for_a_fifth_endpoint_says_that_all_are_in_use(visit) -> None:
    page = visit("filled@example.com", "/developer/webhooks?do=add")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("All 4 endpoints are in use. Delete one to add another.")


def test_the_debugger_names_the_check_that_fails(portal: Portal, visit, script) -> None:
    hook = portal.hooks.wait_for("/ok")[0]
    page = visit(
        "filled@example.com", f"/developer/webhooks/{portal.endpoints[0]}?do=secret", java_script_enabled=script
    )
    lines = "\n".join(f"{name}: {value}" for name, value in hook.headers.items())
    secret = portal.seeded.get(f"/v1/endpoints/{portal.endpoints[0]}/secret")["previous"]["secret"]

    def check(body: str, key: str) -> Any:
        page.goto("/developer/debugger")
        page.get_by_label("Body").fill(body)
        page.get_by_label("Headers").fill(lines)
        page.get_by_label("Secret").fill(key)
        page.get_by_role("button", name="Check").click()
        return page.get_by_role("region", name="Findings").inner_text()

    body = hook.body.decode()
    assert "The signature matches the id, the timestamp and the body." in check(body, secret)
    assert "parsed and written again" in check(json.dumps(json.loads(body), indent=1), secret)
    assert "the body or the id was changed" in check(body.replace("SEED", "SEEP"), secret)
    assert "different secret" in check(body, "whsec_" + "A" * 43 + "=")


def test_the_snippet_on_the_page_verifies_the_sent_webhook(portal: Portal, visit) -> None:
    came = len(portal.hooks.wait_for("/ok"))
    portal.seeded.post(f"/v1/endpoints/{portal.endpoints[0]}/test", {"status": "exception"})
    hook = portal.hooks.wait_for("/ok", came + 1)[-1]  # the first may be too old for the snippet by now
    shown = portal.seeded.get(f"/v1/endpoints/{portal.endpoints[0]}/secret")["previous"]["secret"]
    page = visit("filled@example.com", f"/developer/webhooks/{portal.endpoints[0]}/set-up?language=python&way=standard")
    text = page.get_by_role("region", name="Code that verifies a webhook in Python").inner_text()
    scope: dict[str, Any] = {"__name__": "snippet"}

    exec(compile(text, "snippet", "exec"), scope)  # noqa: S102 - the code that people copy from our page

    scope["verify"](hook.body, hook.headers, shown)
    with pytest.raises(ValueError, match="No signature matches"):
        scope["verify"](hook.body + b" ", hook.headers, shown)


def test_specifications_and_addresses_are_shown(visit, script) -> None:
    page = visit("filled@example.com", "/developer/specifications", java_script_enabled=script)
    page.get_by_label("Version").select_option("V2")
    page.get_by_label("Status", exact=True).select_option("inforeceived")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("region", name="Sample body")).to_contain_text("notfound001")
    expect(page.get_by_text("data.singed_by")).to_be_visible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Outgoing IPs").click()
    expect(page.get_by_text("203.0.113.7", exact=True)).to_be_visible()
    expect(page.get_by_text("2001:db8::7", exact=True)).to_be_visible()
