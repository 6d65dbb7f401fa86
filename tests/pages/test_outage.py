"""An outage as whoever is on call sees it: the mail, the reason, the repair, and the mail that it is over."""

import re
import socket

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browsing import running_browser
from tests.support.hooks import receiving_hooks
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.seeding import report
from tests.support.serving import Serving, copy_ready_data, serving

EMAIL = "shop@example.com"
PARCELS = 5
MOST_CLICKS = 12

pytestmark = pytest.mark.faults  # the keeper looks at endpoints every ten seconds, twice


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mail(server: Serving, box: Mailbox, number: int) -> tuple[str, str]:
    """Wait for a mail; return its title and its text."""
    server.wait_for(lambda: len(box.mails) >= number)
    found = box.mails[number - 1]
    body = found.get_body(("plain",))
    assert body is not None
    return str(found["subject"]), body.get_content()


def test_an_outage_is_repaired_from_its_mail_in_a_few_clicks() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_mailbox() as box, receiving_hooks() as hooks, running_browser() as browser:
        mailing = {"WAYPOST_SMTP_URL": f"smtp://127.0.0.1:{box.port}", "WAYPOST_SMTP_FROM": "waypost@example.com"}
        with serving(**mailing, WAYPOST_PUBLIC_URL=url, WAYPOST_RETRY_BASE_SECONDS="0.2") as server:
            copy_ready_data(server.data_dir)
            server.launch("serve", "--data-dir", str(server.data_dir), port=str(port))
            server.wait_until_ready()
            api = server.account(EMAIL)
            api.post("/v1/alert-channels", {"service": "email", "target": {"address": EMAIL}})
            api.post("/v1/endpoints", {"url": f"{hooks.url}/broken/orders", "description": "Warehouse"})
            for number in range(PARCELS):
                report(api, f"OUT{number}", 1)

            title, text = mail(server, box, 1)
            link = re.search(rf"{url}(\S+)", text)
            assert link is not None
            page = browser.new_context(base_url=url).new_page()
            page.goto(link[1])
            clicks = 1 + _repair(page, f"{hooks.url}/ok/orders")
            hooks.wait_for("/ok/orders", PARCELS)
            over, _ = mail(server, box, 2)
            page.goto("/")

            assert title.startswith("Endpoint failing: ")
            assert f"{hooks.url}/broken/orders has not accepted any webhook since" in text
            assert over.startswith("Resolved: Endpoint failing: ")
            expect(page.get_by_text("The endpoint is accepting webhooks")).to_be_visible()
            assert api.get("/v1/incidents?state=open")["items"] == []
            assert clicks < MOST_CLICKS


def _repair(page: Page, url: str) -> int:
    """Sign in, read why, look at the failing page's reason, change the URL; return the number of clicks."""
    clicks = 0

    def press(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        what.click()

    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("correct horse")
    press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_text("failing since")).to_be_visible()
    expect(page.get_by_text("The receiver said: “It can't be done”")).to_be_visible()
    press(page.get_by_role("button", name="Probe now"))
    expect(page.get_by_role("status")).to_contain_text("The probe failed. The endpoint returned 500.")
    press(page.get_by_role("button", name="Actions"))
    press(page.get_by_role("menuitem", name="Update details"))
    page.get_by_label("Webhook URL").fill(url)
    press(page.get_by_role("button", name="Update endpoint"))
    expect(page.get_by_role("status")).to_contain_text("Endpoint updated.")
    return clicks
