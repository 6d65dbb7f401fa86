"""A letter survives the death of everything between its decision and the mail server's response."""

import asyncio
import re

import asyncpg
import httpx
import pytest

from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.serving import Serving, copy_ready_data, serving
from waypost.store.embedded.server import locate

EMAIL = "shop@example.com"

pytestmark = pytest.mark.faults  # it starts a server twice


def ask_for_link(server: Serving) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as visitor:
        form = re.search(r'name="_csrf_token" value="([^"]+)"', visitor.get("/password/lost").text)
        assert form is not None
        body = {"_csrf_token": form[1], "email": EMAIL}
        answer = visitor.post("/password/lost", data=body, headers={"origin": server.url})
        assert "a mail with a link is on its way" in answer.text


async def end_leases(server: Serving) -> None:
    address = await locate(server.data_dir)
    assert address is not None
    connection = await asyncpg.connect(address.dsn)
    await connection.execute("update letter set leased_until = now()")
    await connection.close()


def link_in(box: Mailbox) -> str:
    (mail,) = box.mails
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"https?://\S+?(/password/\S+)", body.get_content())
    assert link is not None
    return link[1]


def test_a_link_for_a_new_password_arrives_once_although_everything_was_killed_while_it_was_sent() -> None:
    with running_mailbox() as box:
        mailing = {"WAYPOST_SMTP_URL": f"smtp://127.0.0.1:{box.port}", "WAYPOST_SMTP_FROM": "waypost@example.com"}
        with serving(**mailing, WAYPOST_PUBLIC_URL="http://127.0.0.1") as server:
            copy_ready_data(server.data_dir)
            server.launch("serve", "--data-dir", str(server.data_dir))
            server.wait_until_ready()
            server.account(EMAIL)
            box.silent = asyncio.Event()
            ask_for_link(server)
            server.wait_for(box.silent.is_set)

            server.kill()
            box.silent = None
            server.launch("serve", "--data-dir", str(server.data_dir))
            server.wait_until_ready()
            asyncio.run(end_leases(server))
            server.wait_for(lambda: box.mails)

            assert httpx.get(server.url + link_in(box), trust_env=False).status_code == 200
