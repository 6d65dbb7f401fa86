"""An outage as whoever is on call sees it: the mails, the reason, the repair, the recovery, and the mail at the end."""

import asyncio
import os
import re
import socket
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.support.browsing import NARROW, WIDE, running_browser
from tests.support.hooks import Hooks, receiving_hooks
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.seeding import report
from tests.support.serving import Serving, copy_ready_data, serving
from waypost.store.embedded.server import locate

EMAIL = "shop@example.com"
PARCELS, SCANS = 5, 3
MOST_CLICKS = 12
LOOKS: tuple[tuple[str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("light", WIDE, "light"),
    ("dark", WIDE, "dark"),
    ("phone", NARROW, "light"),
)
PICTURES = "OUTAGE_PICTURES"
"""The variable with a folder for screenshots of the mail and the overview."""

AGES = """
update endpoint_health set failing_since = failing_since - $1::interval;
update incident set details = jsonb_set(details, '{announced_at}', to_jsonb(to_char(
    (details ->> 'announced_at')::timestamptz at time zone 'utc' - $1::interval, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
where details ->> 'announced_at' is not null
"""
_COUNT = "select coalesce(sum(failed_attempts), 0) from delivery_hours"
_STAGE = "select max(stage) from incident"

pytestmark = pytest.mark.faults  # the keeper looks at endpoints every ten seconds, five times


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(server: Serving, statement: str, *values: str) -> int:
    """Run statements in the server's database; return the number that the last one gives."""

    async def run() -> int:
        address = await locate(server.data_dir)
        assert address is not None
        session = await asyncpg.connect(address.dsn)
        for one in statement.replace("$1", f"'{values[0]}'" if values else "").split(";\n"):
            found = await session.fetchval(one)
        await session.close()
        return int(found or 0)

    with ThreadPoolExecutor(1) as elsewhere:  # Playwright has the loop of this thread
        return elsewhere.submit(lambda: asyncio.run(run())).result()


def mail(server: Serving, box: Mailbox, title: str) -> EmailMessage:
    """Wait for a mail whose title begins so."""
    server.wait_for(lambda: any(str(one["subject"]).startswith(title) for one in box.mails))
    return next(one for one in box.mails if str(one["subject"]).startswith(title))


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def fail_for_days(server: Serving) -> None:
    """Let a week pass for an endpoint that fails: the announcement, and two days later the end."""
    server.wait_for(lambda: ask(server, _COUNT) >= 10)
    ask(server, AGES, "6 days")
    server.wait_for(lambda: ask(server, _STAGE) == 3)
    ask(server, AGES, "2 days")


def test_an_outage_is_repaired_and_recovered_from_its_mail_in_a_few_clicks() -> None:
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
            api.post("/v1/endpoints", {"url": f"{hooks.url}/ok/tracking", "description": "Shop"})
            api.post("/v1/endpoints", {"url": f"{hooks.url}/broken/orders", "description": "Warehouse"})
            for number in range(PARCELS):
                report(api, f"OUT{number}", 1)

            failing = mail(server, box, "Endpoint failing: ")
            _look(browser, url, failing)
            fail_for_days(server)
            disabled = mail(server, box, "Endpoint disabled: ")
            for scans in range(2, SCANS + 1):
                for number in range(PARCELS):
                    report(api, f"OUT{number}", scans)
            page, clicks = _open(browser, url, disabled)
            counting = "select count(*) from recovery where state = 'running'"
            clicks += _repair(
                page, f"{hooks.url}/ok/orders", lambda: server.wait_for(lambda: not ask(server, counting))
            )
            hooks.wait_for("/ok/orders", PARCELS * SCANS)
            over = mail(server, box, "Resolved: Endpoint disabled: ")
            page.goto("/")

            assert f"Warehouse ({hooks.url}/broken/orders) has not accepted any webhook since" in text_of(failing)
            assert "was enabled by a user" in text_of(over)
            assert len([one for one in box.mails if str(one["subject"]) == str(over["subject"])]) == 1
            expect(page.get_by_text("All 2 endpoints are accepting webhooks")).to_be_visible()
            assert api.get("/v1/incidents?state=open")["items"] == []
            assert list(sequences(hooks).values()) == [list(range(1, SCANS + 1))] * PARCELS
            assert clicks < MOST_CLICKS


def sequences(hooks: Hooks) -> dict[str, list[int]]:
    """Return the order in which each parcel's events arrived at the repaired endpoint."""
    found: dict[str, list[int]] = defaultdict(list)
    for hook in hooks.wait_for("/ok/orders"):
        number = re.search(rb"OUT\d", hook.body)
        assert number is not None
        found[number[0].decode()].append(int(hook.headers["waypost-sequence"]))
    return found


def _open(browser: Browser, url: str, found: EmailMessage) -> tuple[Page, int]:
    """Follow the link in a mail and sign in; return the page and the number of clicks."""
    link = re.search(rf"{url}(\S+)", text_of(found))
    assert link is not None
    page = browser.new_context(base_url=url, viewport=WIDE).new_page()
    page.goto(link[1])
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    return page, 2


def _repair(page: Page, url: str, ends: Callable[[], None]) -> int:
    """Read why, change the URL, enable the endpoint, send what it missed; return the number of clicks.

    ``ends`` waits until what is counted is counted.
    """
    clicks = 0

    def press(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        what.click()

    expect(page.get_by_text("Disabled because every attempt had failed")).to_be_visible()
    expect(page.get_by_text("The receiver said: “It can't be done”")).to_be_visible()
    press(page.get_by_role("button", name="Actions"))
    press(page.get_by_role("menuitem", name="Update details"))
    page.get_by_label("Webhook URL").fill(url)
    press(page.get_by_role("button", name="Update endpoint"))
    expect(page.get_by_role("status")).to_contain_text("Endpoint updated.")
    press(page.get_by_role("link", name="Enable"))
    press(page.get_by_role("button", name="Enable endpoint"))
    if page.get_by_role("link", name="Refresh").is_visible():  # some transaction is still under way
        ends()
        press(page.get_by_role("link", name="Refresh"))
    expect(page.get_by_role("dialog")).to_contain_text(f"{PARCELS * SCANS} webhooks would be sent")
    press(page.get_by_role("button", name=f"Send {PARCELS * SCANS} webhooks again"))
    expect(page.get_by_role("status")).to_contain_text("Recovery started.")
    return clicks


def _look(browser: Browser, url: str, found: EmailMessage) -> None:
    """Take pictures of the mail, and of the overview that its reader sees, if a folder for them is named."""
    if (folder := os.environ.get(PICTURES)) is None:
        return
    there = Path(folder)
    there.mkdir(parents=True, exist_ok=True)
    page, _ = _open(browser, url, found)
    page.goto("/")
    state = page.context.storage_state()
    for name, size, scheme in LOOKS:
        context = browser.new_context(base_url=url, viewport=size, color_scheme=scheme, storage_state=state)
        seen = context.new_page()
        seen.goto("/")
        seen.screenshot(path=there / f"overview-{name}.png")
        seen.goto("about:blank")  # the policy of our own pages allows no styles of a mail
        seen.set_content(_as_read(found))
        seen.screenshot(path=there / f"mail-{name}.png")
        context.close()


def _as_read(found: EmailMessage) -> str:
    """Return a mail as a reader's program shows it: who wrote, the title, the text."""
    head = f"<p><b>{found['subject']}</b><br>From: {found['from']}<br>To: {found['to']}</p>"
    return text_of(found, "html").replace("<div", f"{head}<div", 1)
