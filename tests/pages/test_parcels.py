"""Parcels in the browser: added, viewed, archived; the tracking page alone and in a frame; settings saved."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.support.browsing import NARROW
from tests.support.portal import FILLED, Portal
from tests.support.seeding import report


def test_a_parcel_is_added_followed_archived_and_deleted(portal: Portal, visit, script) -> None:
    email = f"parcels{script}@example.com"
    api = portal.account(email)
    page = visit(email, "/trackings", java_script_enabled=script)
    page.get_by_role("button", name="Add parcel").click()
    dialog = page.get_by_role("dialog", name="Add parcel")
    dialog.get_by_label("Tracking number").fill("new 1")
    dialog.get_by_label("Courier", exact=True).last.fill("dhl")
    dialog.get_by_role("button", name="Add parcel").click()
    expect(page.get_by_role("heading", name="NEW1")).to_be_visible()
    report(api, "NEW1", 3)
    page.reload()

    expect(page.get_by_text("There was no endpoint at that time.")).to_be_visible()
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.get_by_role("status")).to_contain_text("archived")
    page.get_by_role("button", name="Actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete parcel").click()
    expect(page.get_by_role("status")).to_contain_text("deleted")


@pytest.mark.parametrize(("lang", "said"), [("en", "Out for delivery"), ("de", "In Zustellung"), ("zh", "派送中")])
def test_a_shopper_reads_the_page_on_a_phone_without_script(portal: Portal, visit, lang: str, said: str) -> None:
    path = portal.track_path(FILLED, "SEED0004")
    page = visit(None, f"{path}?lang={lang}", java_script_enabled=False, viewport=NARROW)

    expect(page.get_by_role("heading", level=1)).to_have_text(said)
    expect(page.get_by_role("listitem").filter(has_text=re.compile("07:30"))).to_contain_text("Bremen, DE")
    assert page.context.cookies() == []


@contextmanager
def site_with_frame(src: str) -> Iterator[str]:
    """Serve a shop's page that shows another one in a frame, in the language of its path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{src}&lang={self.path[-2:]}" title="Parcel"></iframe>'.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_frame_shows_the_page_once_the_owner_allows_its_site(portal: Portal, visit) -> None:
    email = "framing@example.com"
    report(portal.account(email), "FRAMED1", 2)
    settings, shop = visit(email, "/settings"), visit(None, "/login")
    heading = shop.frame_locator("iframe").get_by_role("heading", level=1)

    with site_with_frame(f"{portal.url}{portal.track_path(email, 'FRAMED1')}?embed=1") as site:
        shop.goto(f"{site}/de")
        expect(heading).to_have_count(0)
        settings.get_by_label("Sites that can embed tracking pages").fill(site)
        settings.get_by_role("button", name="Save settings").click()
        expect(settings.get_by_role("status")).to_contain_text("saved")
        shop.goto(f"{site}/en")  # another language: what was refused is kept for a minute

        expect(heading).to_have_text("On its way")
