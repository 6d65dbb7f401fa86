"""Alerts about incidents leave by mail and by JSON: once when an incident opens, once when it is over."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from tests.flow.test_dispatch import Way, running
from tests.flow.test_queue import report
from tests.support.databases import add_account
from tests.support.mailbox import Mailbox, mailbox
from tests.support.receiver import HANG, OK, Receiver, always, answering, receiving
from waypost.alerts.in_hand import AT_ONCE_OF_ONE
from waypost.alerts.mail import Mailer
from waypost.alerts.messenger import Messenger
from waypost.alerts.posting import Poster
from waypost.alerts.sender import AlertSender
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.alerts import AlertService, Content
from waypost.domain.incidents import Closed, Kind, NewIncident, Trouble
from waypost.domain.mail_servers import MailServer
from waypost.domain.targets import EVERY_PORT
from waypost.store import alert_changes, incident_changes, incidents
from waypost.store.alert_changes import ChannelFields
from waypost.store.database import Database
from waypost.store.vault import Vault

VAULT = Vault("a secret key of tests only")
LOOPBACK = ip_network("127.0.0.0/8")
URL = "https://shop.example/hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def guard(*allow: Any) -> Guard:
    return Guard(SystemResolver(), ports=EVERY_PORT, allow=allow)


@dataclass
class Alerting:
    database: Database
    account: UUID
    mailer: Mailer | None = None
    guard: Guard = field(default_factory=lambda: guard(LOOPBACK))

    def __post_init__(self) -> None:
        poster = Poster(self.guard, PyreqwestTransport(), "Waypost/test")
        messenger = Messenger(poster, self.mailer, public_url="https://waypost.example")
        self.sender = AlertSender(self.database, VAULT, messenger)

    async def channel(self, service: AlertService, target: dict[str, str], kinds: list[str] | None = None) -> UUID:
        channel = uuid4()
        sealed = VAULT.seal(msgspec.json.encode(target).decode(), account=self.account, endpoint=channel)
        async with self.database.serving.acquire() as session:
            assert await alert_changes.insert_channel(
                session,
                channel=channel,
                account=self.account,
                service=service,
                target=sealed,
                fields=ChannelFields("Shop", kinds, None, None),
                most=10,
            )
        return channel

    async def mail_channel(self, address: str = "ops@shop.example") -> UUID:
        await self.database.serving.execute(
            "insert into account_user (id, account, email, password_hash, role) values ($1, $2, $3, '', 'member')",
            *(uuid4(), self.account, address),
        )
        return await self.channel(AlertService.EMAIL, {"address": address})

    async def open(self, subject: str = "ep_1", kind: Kind = Kind.ENDPOINT_FAILING) -> None:
        trouble = Trouble(self.account, kind, subject, f"{URL} has <b>failed</b>.", details={"url": URL})
        async with self.database.serving.acquire() as session:
            await incident_changes.write_changes(session, [NewIncident(trouble)])

    async def close(self) -> None:
        async with self.database.serving.acquire() as session:
            known = await incidents.open_ones(session, list(Kind))
            await incident_changes.write_changes(session, [Closed(one, f"{URL} works again.") for one in known])

    async def send(self) -> None:
        """Send everything that is due."""
        while await self.sender.look():
            await self.sender.settled()

    async def pass_by(self, time: timedelta) -> None:
        await self.database.serving.execute(
            "update alert set next_at = next_at - $1::interval where state = 'waiting'", time
        )
        await self.database.serving.execute("update alert_channel set window_at = window_at - $1::interval", time)

    async def states(self) -> list[tuple[str, str, int]]:
        rows = await self.database.serving.fetch("select what, state, tries from alert order by id")
        return [tuple(row) for row in rows]


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


def mailer(box: Mailbox, *allow: Any) -> Mailer:
    server = MailServer("127.0.0.1", box.port, implicit_tls=False)
    return Mailer(guard(*allow), server, "Waypost <waypost@example.com>")


async def test_a_mail_is_sent_when_an_incident_opens_and_one_when_it_is_over(database: Database, account: UUID) -> None:
    async with mailbox() as box:
        alerting = Alerting(database, account, mailer(box, LOOPBACK))
        await alerting.mail_channel()
        await alerting.open()
        await alerting.send()
        await alerting.close()
        await alerting.send()

    opened, closed = box.mails
    assert (opened["To"], opened["From"]) == ("ops@shop.example", "Waypost <waypost@example.com>")
    assert (opened["Subject"], closed["Subject"]) == (
        f"Endpoint failing: {URL}",
        f"Resolved: Endpoint failing: {URL}",
    )
    text, page = (opened.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert f"{URL} has <b>failed</b>." in text
    assert "https://waypost.example/developer/webhooks/ep_1" in text
    assert f"{URL} has &lt;b&gt;failed&lt;/b&gt;." in page
    assert await alerting.states() == [("opened", "sent", 1), ("closed", "sent", 1)]


async def test_an_address_that_is_no_longer_a_users_gets_no_mail(database: Database, account: UUID) -> None:
    async with mailbox() as box:
        alerting = Alerting(database, account, mailer(box, LOOPBACK))
        await alerting.mail_channel()
        await database.serving.execute("delete from account_user where account = $1", account)
        await alerting.open()
        await alerting.send()

    assert box.mails == []


async def test_the_mail_servers_address_must_be_allowed_too(database: Database, account: UUID) -> None:
    async with mailbox() as box:
        alerting = Alerting(database, account, mailer(box))
        await alerting.mail_channel()
        await alerting.open()
        await alerting.send()

    assert box.mails == []
    assert await alerting.states() == [("opened", "waiting", 1)]


async def test_a_mail_server_that_defers_is_tried_again_and_one_that_rejects_only_twice(
    database: Database, account: UUID
) -> None:
    async with mailbox("451 Try later") as box:
        alerting = Alerting(database, account, mailer(box, LOOPBACK))
        await alerting.mail_channel()
        await alerting.open()
        for _ in range(4):
            await alerting.send()
            await alerting.pass_by(timedelta(hours=1))
        deferred = await alerting.states()
        box.answer = "550 No such user"
        await alerting.send()
        assert box.mails

    assert deferred == [("opened", "waiting", 4)]
    assert await alerting.states() == [("opened", "failed", 5)]


TARGETS: dict[AlertService, Callable[[str], dict[str, str]]] = {
    AlertService.SLACK: lambda url: {"url": url},
    AlertService.TEAMS: lambda url: {"url": url},
    AlertService.TELEGRAM: lambda url: {"url": url, "bot_token": "1:x", "chat_id": "-5"},
    AlertService.PAGERDUTY: lambda url: {"url": url, "routing_key": "k"},
    AlertService.NTFY: lambda url: {"url": f"{url}/waypost", "token": "tk"},
    AlertService.WEBHOOK: lambda url: {"url": url, "secret": SECRET},
}


async def posted(alerting: Alerting, service: AlertService, receiver: Receiver) -> list[Any]:
    await alerting.channel(service, TARGETS[service](receiver.url))
    await alerting.open()
    await alerting.send()
    await alerting.close()
    await alerting.send()
    return [json.loads(request.body) for request in receiver.requests]


@pytest.fixture
async def alerting(database: Database, account: UUID) -> Alerting:
    return Alerting(database, account)


async def test_slack_and_its_kin_get_a_text_without_markup_from_outside(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        opened, closed = await posted(alerting, AlertService.SLACK, receiver)

    assert list(opened) == ["text"]
    assert f"{URL} has &lt;b&gt;failed&lt;/b&gt;." in opened["text"]
    assert closed["text"].startswith(f"Resolved: Endpoint failing: {URL}")


async def test_teams_get_an_adaptive_card(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        opened, _ = await posted(alerting, AlertService.TEAMS, receiver)

    (attachment,) = opened["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["actions"][0]["url"] == "https://waypost.example/developer/webhooks/ep_1"


async def test_telegram_gets_a_message_of_the_bot(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        opened, _ = await posted(alerting, AlertService.TELEGRAM, receiver)

    assert receiver.requests[0].path == "/hook/bot1:x/sendMessage"
    assert opened["chat_id"] == "-5"
    assert "parse_mode" not in opened


async def test_pagerduty_gets_one_incident_that_is_triggered_and_resolved(alerting: Alerting) -> None:
    async with receiving(always(answering(202))) as receiver:
        opened, closed = await posted(alerting, AlertService.PAGERDUTY, receiver)

    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"]
    assert (opened["routing_key"], opened["payload"]["severity"], opened["payload"]["source"]) == ("k", "error", URL)


async def test_ntfy_gets_its_topic_and_token(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        opened, closed = await posted(alerting, AlertService.NTFY, receiver)

    request = receiver.requests[0]
    assert (request.path, request.headers["authorization"]) == ("/hook/", "Bearer tk")
    assert (opened["topic"], opened["priority"], closed["priority"]) == ("waypost", 4, 3)


async def test_any_url_gets_the_incident_signed_as_webhooks_are(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        opened, closed = await posted(alerting, AlertService.WEBHOOK, receiver)

    request = receiver.requests[0]
    Webhook(SECRET).verify(request.body, request.headers)
    assert (opened["what"], closed["what"]) == ("opened", "closed")
    assert opened["incident"]["subject"] == "ep_1"
    assert closed["incident"]["closed_at"] is not None


@pytest.mark.parametrize("service", TARGETS)
async def test_nothing_is_sent_to_a_forbidden_address(database: Database, account: UUID, service: AlertService) -> None:
    alerting = Alerting(database, account, guard=guard())
    async with receiving(always(OK)) as receiver:
        await posted(alerting, service, receiver)

    assert receiver.connections == 0


async def test_a_service_that_hangs_holds_up_nobody_else(
    database: Database, alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.alerts.posting.POST_SECONDS", 30.0)
    other = Alerting(database, await add_account(database))
    other.sender = alerting.sender
    async with receiving(always(HANG)) as hanging, receiving(always(OK)) as receiver:
        await alerting.channel(AlertService.SLACK, {"url": hanging.url})
        await alerting.open()
        await alerting.sender.look()
        await hanging.received(1)
        await other.channel(AlertService.SLACK, {"url": receiver.url})
        await other.open()
        await alerting.sender.look()
        await receiver.received(1)
        assert await alerting.sender.look() == 0  # what is being sent is leased


async def test_alerts_that_hang_delay_no_delivery(
    database: Database, alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.alerts.posting.POST_SECONDS", 30.0)
    async with receiving(always(HANG)) as hanging, receiving(always(OK)) as receiver, running(Way(database)) as way:
        for _ in range(AT_ONCE_OF_ONE):
            await alerting.channel(AlertService.SLACK, {"url": hanging.url})
        await alerting.open()
        for _ in range(AT_ONCE_OF_ONE):
            await alerting.sender.look()
        await hanging.received(AT_ONCE_OF_ONE)
        endpoint = await way.add_endpoint(alerting.account, receiver.url)
        await report(database, alerting.account, "A1", 1)
        way.hint([endpoint])

        assert await way.settled(1) == [("delivered", None, 1)]
        assert [state for _, state, _ in await alerting.states()] == ["waiting"] * AT_ONCE_OF_ONE


async def test_a_storm_of_incidents_is_a_few_messages(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        await alerting.channel(AlertService.SLACK, {"url": receiver.url})
        await alerting.channel(AlertService.WEBHOOK, {"url": receiver.url, "secret": SECRET})
        for number in range(30):
            await alerting.open(f"ep_{number}")
        await alerting.send()
        texts = [request for request in receiver.requests if b'"text"' in request.body]
        signed = len(receiver.requests) - len(texts)
        await alerting.pass_by(timedelta(minutes=1))
        await alerting.send()

    assert b"20 incidents changed" in texts[0].body
    assert (len(texts), signed, len(receiver.requests)) == (2, 5, 12)


async def test_only_the_kinds_that_a_channel_wants_are_sent(alerting: Alerting) -> None:
    async with receiving(always(OK)) as receiver:
        await alerting.channel(AlertService.SLACK, {"url": receiver.url}, kinds=["connection_refused"])
        await alerting.open()
        await alerting.open("con_1", Kind.CONNECTION_REFUSED)
        await alerting.send()

    assert len(receiver.requests) == 1
    assert b"Credentials rejected" in receiver.requests[0].body


async def test_a_test_is_sent_at_once_and_tried_once(database: Database, alerting: Alerting) -> None:
    async with receiving(always(answering(500))) as receiver:
        channel = await alerting.channel(AlertService.SLACK, {"url": receiver.url})
        content = Content("", "", "", "Nothing is wrong.", "2026-03-02T12:00:00Z")
        async with database.serving.acquire() as session:
            assert await alert_changes.insert_test_alert(session, alerting.account, channel, uuid4(), content)
            assert not await alert_changes.insert_test_alert(session, uuid4(), channel, uuid4(), content)
        await alerting.send()

    assert b"Test of this alert channel" in receiver.requests[0].body
    assert await alerting.states() == [("test", "failed", 1)]
