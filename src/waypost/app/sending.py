"""Builds the parts that send: the guard, the sender and the dispatcher. Loads nothing of the HTTP server."""

import gc
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TypedDict, Unpack
from uuid import UUID

from waypost.app.supervisor import Part
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.retry import Policy
from waypost.settings import Settings
from waypost.store.database import Database
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.vault import Vault


class DispatcherOptions(TypedDict, total=False):
    """Where a dispatcher is, and what it has to do with others."""

    place: DispatcherSlot
    tell_others: Callable[[Iterable[UUID]], None]
    leave_to_others: Callable[[], None]
    slots: int
    stop_seconds: float


def make_guard(settings: Settings) -> Guard:
    """Return the guard that judges where deliveries may go, for sending and for saving a URL."""
    resolver = RememberingResolver(SystemResolver())
    return Guard(resolver, ports=settings.egress_ports, allow=tuple(settings.egress_allow))


def retry_policy(settings: Settings) -> Policy:
    """Return how failed deliveries are retried."""
    return Policy(settings.retry_base_seconds, settings.retry_limit)


def make_dispatcher(
    settings: Settings,
    database: Database,
    secret_key: str,
    **of_dispatcher: Unpack[DispatcherOptions],
) -> Dispatcher:
    """Return a dispatcher; see ``Dispatcher`` for the options."""
    sending = SendSettings(
        user_agent=user_agent(settings.contact),
        policy=retry_policy(settings),
        timeout_seconds=settings.http_timeout_seconds,
    )
    sender = Sender(make_guard(settings), make_transport(settings), Vault(secret_key), sending)
    timeout = settings.http_timeout_seconds
    return Dispatcher(database, sender, timeout_seconds=timeout, **of_dispatcher)


def dispatcher_part(dispatcher: Dispatcher) -> Part:
    """Return the part that runs a dispatcher."""
    return Part("dispatcher", dispatcher.serve, dispatcher.is_unfinished)


def make_transport(settings: Settings) -> PyreqwestTransport:
    """Return what posts webhooks and alerts: from the operator's address, trusting the operator's certificates too."""
    source = None if settings.source_address is None else str(settings.source_address)
    authorities = None if settings.ca_bundle is None else settings.ca_bundle.read_bytes()
    return PyreqwestTransport(source_address=source, authorities=authorities)


def user_agent(contact: str | None) -> str:
    """Return the user agent: this program, and whom to contact about it."""
    name = f"Waypost/{version('waypost')}"
    return f"{name} (+{contact})" if contact else name


def spare_the_collector() -> None:
    """Keep the garbage collector from walking all modules and every batch in hand: a tenth of the time under load.

    Existing garbage stays: a few kilobytes, for which a collection would take a tenth of a second. Walking 5,000 new
    objects takes half a millisecond on a free processor; with 20,000, it blocked a loop for 20 ms.
    """
    gc.freeze()
    gc.set_threshold(5_000, 50, 100)
