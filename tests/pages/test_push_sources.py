"""A shop connects a platform and an aggregator in the browser, and sees what arrives and why a push was rejected."""

import hmac
from base64 import b64encode

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.browsing import judge
from tests.support.portal import Portal

ORDER = b'{"name":"#7.1","tracking_company":"UPS","tracking_number":"1Z999AA10123456784"}'


@pytest.fixture
def email(portal: Portal, request: pytest.FixtureRequest) -> str:
    """Create an account for this test."""
    address = f"{abs(hash(request.node.name))}@example.com"
    portal.account(address)
    return address


def connect(page: Page, title: str, *, script: bool) -> str:
    """Connect a service, and return its address."""
    page.goto("/sources")
    page.get_by_role("link", name="Connect a service or shop").click()
    page.get_by_role("link", name=title, exact=True).click()
    page.get_by_role("textbox", name="API Key" if title == "17TRACK" else "Signing secret").fill("a secret")
    judge(page, script=script)
    page.get_by_role("button", name=f"Connect {title}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    return page.locator("code", has_text="/inbound/").inner_text()


def push(address: str, body: bytes, name: str, signature: str) -> int:
    return httpx.post(address, content=body, headers={name: signature}, trust_env=False).status_code


def shopify(body: bytes, secret: bytes) -> str:
    return b64encode(hmac.digest(secret, body, "sha256")).decode()


def see(page: Page, text: str) -> None:
    """Wait until the page of the connection shows a text; results appear within a second."""
    for _ in range(60):
        page.reload()
        if page.get_by_text(text).count():
            break
    expect(page.get_by_text(text).first).to_be_visible()


def test_a_shop_platform_registers_a_parcel_and_a_wrong_signature_is_explained(
    portal: Portal, visit, email: str, script
) -> None:
    page: Page = visit(email, "/", java_script_enabled=script)
    address = connect(page, "Shopify", script=script)

    assert push(address, ORDER, "x-shopify-hmac-sha256", shopify(ORDER, b"another")) == 401
    see(page, "does not match: the secret is another one")
    assert push(address, ORDER, "x-shopify-hmac-sha256", shopify(ORDER, b"a secret")) == 200
    see(page, "Parcel registered")
    judge(page, script=script)

    (parcel,) = portal.api(email).get("/v4/trackings/get")["data"]
    assert (parcel["tracking_number"], parcel["order_number"]) == ("1Z999AA10123456784", "#7")


def test_an_aggregator_is_connected_and_its_address_replaced(portal: Portal, visit, email: str) -> None:
    assert portal
    page: Page = visit(email, "/", java_script_enabled=True)
    first = connect(page, "17TRACK", script=True)
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name="Replace address").click()
    judge(page, script=True)
    page.get_by_role("button", name="Replace address").click()
    expect(page.get_by_text("The old address works until")).to_be_visible()

    assert page.locator("code", has_text="/inbound/").inner_text() != first
