"""API keys in the browser: created and shown once, used, revoked."""

import re

from playwright.sync_api import expect

from tests.support.portal import Portal


def test_a_key_is_created_shown_once_used_and_revoked(portal: Portal, visit, script) -> None:
    portal.account(f"keys{script}@example.com")
    page = visit(f"keys{script}@example.com", "/developer/apikeys", java_script_enabled=script)
    page.get_by_role("button", name="Create API key").click()
    dialog = page.get_by_role("dialog", name="Create API key")
    dialog.get_by_label("Name").fill("Order <b>system</b>")
    dialog.get_by_role("checkbox", name=re.compile("^Write")).uncheck()
    dialog.get_by_role("checkbox", name=re.compile("^Updates")).uncheck()
    dialog.get_by_role("button", name="Create key").click()
    key = page.get_by_text(re.compile("^wk_live_")).first.inner_text()

    api = portal.server.site(key)
    assert api.get("/v1/endpoints")["items"] == []
    page.goto("/developer/apikeys")

    row = page.get_by_role("row").filter(has_text="Order <b>system</b>")
    expect(row).to_contain_text("read")
    expect(row).not_to_contain_text("never")
    assert key not in page.content()
    row.get_by_role("link", name="Revoke").click()
    page.get_by_role("dialog", name="Revoke this key?").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("status")).to_contain_text("Key revoked.")
    expect(row).to_contain_text("Revoked")
    expect(row.get_by_role("link")).to_have_count(0)


def test_a_key_without_permissions_is_rejected_and_the_form_keeps_its_input(portal: Portal, visit, script) -> None:
    portal.account(f"nothing{script}@example.com")
    page = visit(f"nothing{script}@example.com", "/developer/apikeys?do=add", java_script_enabled=script)
    dialog = page.get_by_role("dialog", name="Create API key")
    dialog.get_by_label("Name").fill("Nothing")
    for box in dialog.get_by_role("checkbox").all():
        box.uncheck()
    dialog.get_by_role("button", name="Create key").click()

    expect(dialog.locator("#scopes-error")).to_contain_text("one or more of read, write, updates")
    expect(dialog.get_by_label("Name")).to_have_value("Nothing")
