"""Links in mail: invitations, lost passwords and new addresses. Opening one changes nothing; its form works once."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_network

import pytest

from tests.support.mailbox import Mailbox, mailbox
from tests.support.visiting import EMAIL, Browser, Document, Portal
from waypost.actions.context import Mailing
from waypost.alerts.letters import LetterSender
from waypost.alerts.mail import Mailer
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.domain.mail_servers import MailServer
from waypost.domain.targets import EVERY_PORT

ORIGIN = "https://waypost.example"
NEW = "new@example.com"
PASSWORD = "a long and new password"


@dataclass
class Post:
    """The mail server, and what sends to it."""

    box: Mailbox
    sender: LetterSender

    async def mails(self) -> list[EmailMessage]:
        """Send everything that is due, and return all that have arrived."""
        while await self.sender.look():
            await self.sender.settled()
        return self.box.mails


@pytest.fixture
async def post(portal: Portal) -> AsyncIterator[Post]:
    async with mailbox() as box:
        guard = Guard(SystemResolver(), ports=EVERY_PORT, allow=(ip_network("127.0.0.0/8"),))
        server = MailServer("127.0.0.1", box.port, implicit_tls=False)
        mailer = Mailer(guard, server, "Waypost <waypost@example.com>")
        object.__setattr__(portal.pages.context, "mailing", Mailing(ORIGIN))
        sender = LetterSender(portal.database, portal.pages.context.vault, mailer, ORIGIN)
        yield Post(box, sender)
        object.__setattr__(portal.pages.context, "mailing", None)


async def link_in(post: Post, to: str) -> str:
    """Return the path of the link in the newest mail to an address."""
    mail = next(mail for mail in reversed(await post.mails()) if mail["To"] == to)
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(rf"{ORIGIN}(/\S+)", body.get_content())
    assert found is not None
    return found[1]


async def follow(visitor: Browser, link: str, **form: str) -> int:
    token = Document((await visitor.get(link)).text).value("_csrf_token")
    answer = await visitor.post(link, token=token, form=form)
    return answer.status_code


async def test_an_invited_user_chooses_a_password_and_is_signed_in(
    portal: Portal, browser: Browser, post: Post
) -> None:
    sent = await browser.post("/settings/users/invite", form={"email": NEW})
    before = await portal.browser().sign_in(NEW, "!")
    link, visitor = await link_in(post, NEW), portal.browser()
    opened = [(await visitor.get(link)).status_code for _ in range(2)]
    weak = await follow(visitor, link, password="password")
    chosen = await follow(visitor, link, password=PASSWORD)
    again = (await portal.browser().get(link)).status_code

    assert (sent.status_code, before.status_code, opened) == (303, 422, [200, 200])
    assert (weak, chosen, again) == (422, 303, 404)
    assert (await visitor.get("/")).status_code == 200
    assert (await portal.browser().sign_in(NEW, PASSWORD)).status_code == 303


async def test_a_lost_password_is_replaced_and_ends_all_sessions(portal: Portal, browser: Browser, post: Post) -> None:
    visitor = portal.browser()
    asked = await visitor.post("/password/lost", form={"email": EMAIL.upper()})
    chosen = await follow(visitor, await link_in(post, EMAIL), password=PASSWORD)

    assert "a mail with a link is on its way" in asked.text
    assert chosen == 303
    assert (await browser.get("/")).status_code == 303  # the session from before has ended
    assert (await portal.browser().sign_in(EMAIL, PASSWORD)).status_code == 303


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    portal: Portal, browser: Browser, post: Post
) -> None:
    assert browser
    known, unknown = [
        await portal.browser().post("/password/lost", form={"email": email}) for email in (EMAIL, "nobody@example.com")
    ]

    assert re.sub(r'value="[^"]*"', "", known.text) == re.sub(r'value="[^"]*"', "", unknown.text)
    assert [mail["To"] for mail in await post.mails()] == [EMAIL]


async def test_nobodys_mailbox_is_flooded_with_links(portal: Portal, browser: Browser, post: Post) -> None:
    assert browser
    for number in range(5):
        await portal.browser(address=f"198.51.100.{number}").post("/password/lost", form={"email": EMAIL})

    assert len(await post.mails()) == 3


async def test_a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_informed(
    portal: Portal, browser: Browser, post: Post
) -> None:
    wrong = await browser.post("/settings/address", form={"email": NEW, "current": "wrong"})
    asked = await browser.post("/settings/address", form={"email": NEW, "current": "correct horse"})
    still = (await portal.browser().sign_in(EMAIL)).status_code
    link = await link_in(post, NEW)
    as_password = (await portal.browser().get(link.replace("/address/", "/password/"))).status_code
    confirmed = await follow(portal.browser(), link)

    assert (wrong.status_code, asked.status_code, still, as_password, confirmed) == (422, 303, 303, 404, 303)
    assert (await portal.browser().sign_in(NEW)).status_code == 303
    assert (await portal.browser().sign_in(EMAIL)).status_code == 422
    assert (await post.mails())[-1]["To"] == EMAIL
    assert "no longer with this address" in str((await post.mails())[-1].get_body(("plain",)))


async def test_an_address_that_was_taken_meanwhile_is_refused(portal: Portal, browser: Browser, post: Post) -> None:
    await browser.post("/settings/address", form={"email": NEW, "current": "correct horse"})
    await portal.account(NEW)

    assert await follow(portal.browser(), await link_in(post, NEW)) == 422
    assert (await portal.browser().sign_in(EMAIL)).status_code == 303


async def test_an_expired_link_and_no_link_look_the_same(portal: Portal, browser: Browser, post: Post) -> None:
    await browser.post("/settings/users/invite", form={"email": NEW})
    await portal.database.serving.execute("update mail_link set expires_at = now()")

    paths = (await link_in(post, NEW), "/password/x", "/address/" + "x" * 200)
    answers = [await portal.browser().get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.text for answer in answers}) == 1


async def test_a_letter_is_sealed_until_it_is_sent_and_erased_then(
    portal: Portal, browser: Browser, post: Post
) -> None:
    await browser.post("/settings/users/invite", form={"email": NEW})
    waiting = await portal.database.serving.fetchrow("select state, sealed from letter")
    link = await link_in(post, NEW)
    sent = await portal.database.serving.fetchrow("select state, sealed, answer from letter")

    assert waiting["state"] == "waiting"
    assert link.rpartition("/")[2].encode() not in waiting["sealed"]
    assert tuple(sent) == ("sent", None, "OK")


async def test_a_letter_whose_sender_died_before_the_response_is_sent_once_its_lease_has_ended(
    portal: Portal, browser: Browser, post: Post
) -> None:
    await browser.post("/settings/users/invite", form={"email": NEW})
    post.box.silent = asyncio.Event()
    await post.sender.look()
    await post.box.silent.wait()
    await post.sender._in_hand.end()
    post.box.silent = None
    leased = len(await post.mails())
    await portal.database.serving.execute("update letter set leased_until = now()")

    assert (leased, len(await post.mails()), len(await post.mails())) == (0, 1, 1)


async def test_a_letter_that_is_not_accepted_is_retried_and_given_up_with_a_word_on_the_page(
    portal: Portal, browser: Browser, post: Post
) -> None:
    await browser.post("/settings/users/invite", form={"email": NEW})
    post.box.answer = "550 No such mailbox"
    shown = []
    for _ in range(3):
        await post.mails()
        shown.append(Document((await browser.get("/settings")).text).text)
        await portal.database.serving.execute("update letter set next_at = now() where state = 'waiting'")
    row = await portal.database.serving.fetchrow("select state, sealed, tries from letter")

    assert all("550 No such mailbox" in page for page in shown)
    assert ["Retrying, next attempt" in page for page in shown] == [True, True, False]
    assert "Given up" in shown[-1]
    assert tuple(row) == ("failed", None, 3)


async def test_a_letter_whose_link_has_expired_is_given_up(portal: Portal, browser: Browser, post: Post) -> None:
    await browser.post("/settings/users/invite", form={"email": NEW})
    await portal.database.serving.execute("update letter set expires_at = now()")

    assert await post.mails() == []
    assert "Its link had expired" in (await browser.get("/settings")).text


async def test_a_request_for_an_unknown_address_leaves_nothing(portal: Portal, browser: Browser, post: Post) -> None:
    await portal.browser().post("/password/lost", form={"email": "nobody@example.com"})
    await post.mails()

    assert browser
    assert await portal.database.serving.fetchval("select count(*) from letter") == 0


async def test_the_letters_of_one_account_do_not_delay_those_of_another(
    portal: Portal, browser: Browser, post: Post
) -> None:
    for number in range(20):
        await browser.post("/settings/users/invite", form={"email": f"{number}@example.com"})
    await portal.browser().post("/password/lost", form={"email": EMAIL})
    await post.sender.look()
    await post.sender.settled()

    assert {mail["To"] for mail in post.box.mails} == {"0@example.com", EMAIL}


async def test_without_a_mail_server_the_pages_say_who_can_help(portal: Portal, browser: Browser) -> None:
    lost = await portal.browser().get("/password/lost")
    settings = await browser.get("/settings")

    assert "waypost user login-link" in Document(lost.text).text
    assert "Invite by e-mail" not in settings.text
