"""Builds what sends alerts and mail, and keeps the operator's channels as the settings describe them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import Mailing
from waypost.alerts.heartbeat import Heartbeat
from waypost.alerts.letters import LetterSender
from waypost.alerts.mail import Mailer
from waypost.alerts.messenger import Messenger
from waypost.alerts.outages import OutageReports
from waypost.alerts.posting import Poster
from waypost.alerts.sender import AlertSender
from waypost.app.sending import make_guard, make_transport, user_agent
from waypost.app.supervisor import Part
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.domain.alerts import AlertService
from waypost.domain.mail_servers import read_mail_server
from waypost.domain.targets import EVERY_PORT
from waypost.settings import Settings
from waypost.store import alert_changes
from waypost.store.database import Database
from waypost.store.incidents import OPERATOR
from waypost.store.vault import Vault

_MAIL, _URL = UUID(int=1), UUID(int=2)
"""The ids of the operator's channels."""

_NAME: Final = "Operator, from the settings"


def make_mailer(settings: Settings) -> Mailer | None:
    """Return what sends mail; None if no mail server is set."""
    if settings.smtp_url is None or settings.smtp_from is None:
        return None
    # Ports are the operator's business here, networks stay the guard's.
    guard = Guard(RememberingResolver(SystemResolver()), ports=EVERY_PORT, allow=tuple(settings.egress_allow))
    server = read_mail_server(settings.smtp_url.get_secret_value())
    return Mailer(guard, server, settings.smtp_from, trusted=_authorities(settings))


def make_mailing(settings: Settings) -> Mailing | None:
    """Return how links in mail begin; None without a mail server, or without the URL that they begin with."""
    has_server = settings.smtp_url is not None and settings.smtp_from is not None
    return Mailing(settings.public_url) if has_server and settings.public_url is not None else None


def alert_parts(
    settings: Settings,
    database: Database,
    vault: Vault,
    ready: Callable[[], Awaitable[str | None]],
) -> list[Part]:
    """Return the parts that send alerts and the heartbeat.

    Readiness knows nothing of them: alerts that can't be sent are no reason to be taken out of service.
    """
    poster = Poster(make_guard(settings), make_transport(settings), user_agent(settings.contact))
    mailer, mailing = make_mailer(settings), make_mailing(settings)
    messenger = Messenger(poster, mailer, public_url=settings.public_url)
    sender = AlertSender(database, vault, messenger)
    channels = [(service, target) for _, service, target in _operator_channels(settings)]

    async def serve(stop: asyncio.Event) -> None:
        await keep_operator_channels(settings, database, vault)
        await sender.serve(stop)

    parts = [Part("alerts", serve), Part("outage_reports", OutageReports(database, messenger, channels).serve)]
    if mailer is not None and mailing is not None:
        parts.append(Part("letters", LetterSender(database, vault, mailer, mailing.origin).serve))
    if settings.heartbeat_url is not None:
        parts.append(Part("heartbeat", Heartbeat(poster, settings.heartbeat_url.get_secret_value(), ready).serve))
    return parts


async def keep_operator_channels(settings: Settings, database: Database, vault: Vault) -> None:
    """Write the operator's channels; those that the settings no longer describe are disabled."""
    seal = partial(vault.seal, account=OPERATOR)
    kept = list(_operator_channels(settings))
    async with database.engine.acquire() as session:
        for channel, service, target in kept:
            sealed = seal(msgspec.json.encode(target).decode(), endpoint=channel)
            await alert_changes.keep_operator_channel(session, channel, service, _NAME, sealed)
        await alert_changes.disable_operator_channels(session, besides=[channel for channel, _, _ in kept])


def _operator_channels(settings: Settings) -> Iterator[tuple[UUID, AlertService, dict[str, str]]]:
    if settings.operator_email is not None:
        yield _MAIL, AlertService.EMAIL, {"address": settings.operator_email}
    if settings.operator_alert_url is not None:
        target = {"url": settings.operator_alert_url.get_secret_value()}
        yield _URL, AlertService(settings.operator_alert_service), target


def _authorities(settings: Settings) -> bytes | None:
    return None if settings.ca_bundle is None else settings.ca_bundle.read_bytes()
