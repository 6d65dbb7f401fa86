"""Wires the parts of the server together; nothing here runs yet."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Final

import msgspec
from litestar import Litestar

from waypost.api.application import make_application
from waypost.api.keys import Keys
from waypost.api.parts import Parts
from waypost.api.track_links import TrackLinks
from waypost.app.storage import Storage
from waypost.app.supervisor import Part
from waypost.carriers.dhl import client as dhl
from waypost.carriers.http import CarrierHttp
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.dispatch.run import Sender
from waypost.dispatch.run import Settings as SendSettings
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.carriers import CarrierSource
from waypost.domain.retry import Policy
from waypost.intake.collector import Intake
from waypost.intake.poller import Poller
from waypost.keeper.keeper import Keeper
from waypost.observe import Metrics
from waypost.portal.application import PageSet, make_pages
from waypost.settings import Settings
from waypost.store.database import Database
from waypost.store.measures import Backlog, measure_backlog
from waypost.store.statements import LOST, SENT
from waypost.store.vault import Vault

CARRIER_SECONDS: Final = 20.0
TEST_SLACK_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 2.0
"""How long the database may take to say that it is there, before the server counts as not ready."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of the server, in the way of the data. ``parts`` are those that the supervisor keeps running."""

    carriers: CarrierHttp
    intake: Intake
    application: Litestar
    parts: tuple[Part, ...]


def compose(settings: Settings, storage: Storage, secret_key: str) -> Engine:
    """Build every part."""
    database = storage.database
    vault = Vault(secret_key)
    guard = _guard(settings)
    dispatcher = Dispatcher(
        database,
        _sender(settings, guard, vault),
        timeout_seconds=settings.http_timeout_seconds,
        alone=storage.server is not None,
    )
    carriers = CarrierHttp(timeout_seconds=CARRIER_SECONDS, user_agent=user_agent(settings.contact))
    sources = carrier_sources(settings, carriers)
    polled = {code: source.budget.least_seconds_between_asks for source in sources for code in source.courier_codes}
    intake = Intake(database, polled=frozenset(polled), hint=dispatcher.hint)
    poller = Poller(database, intake, sources, speed=settings.poll_speed)
    keeper = Keeper(database, intake, history_days=settings.history_days)
    parts = (
        Part("dispatcher", dispatcher.serve),
        Part("poller", poller.serve),
        Part("keeper", keeper.serve),
    )
    health = Health(database, parts, Metrics(SENT, lambda: dispatcher.in_flight))
    handed = Parts(
        database=database,
        intake=intake,
        polled=polled,
        vault=vault,
        keys=Keys(database),
        check_url=guard.check,
        max_endpoints=settings.max_endpoints,
        hint=dispatcher.hint,
        hint_test=dispatcher.hint_test,
        test_seconds=settings.http_timeout_seconds + TEST_SLACK_SECONDS,
        outgoing_ips=tuple(map(str, settings.outgoing_ips)),
        ready=health.ready,
        metrics=health.metrics,
        track_links=TrackLinks(secret_key, public_url=settings.public_url),
    )
    return Engine(carriers, intake, make_application(handed, _pages(settings, handed, secret_key)), parts)


def _guard(settings: Settings) -> Guard:
    resolver = RememberingResolver(SystemResolver())
    return Guard(resolver, ports=settings.egress_ports, allow=tuple(settings.egress_allow))


def _pages(settings: Settings, parts: Parts, secret_key: str) -> PageSet:
    return make_pages(
        parts,
        form_secret=sha256(b"forms" + secret_key.encode()).hexdigest(),
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
    )


class Health:
    """What ``/health/ready`` and ``/metrics`` say."""

    def __init__(self, database: Database, parts: tuple[Part, ...], metrics: Metrics) -> None:
        self._database = database
        self._parts = parts
        self._metrics = metrics

    async def ready(self) -> str | None:
        """Give None when requests can be served and deliveries are sent, else one sentence that says why not."""
        if waiting := [part.name for part in self._parts if not part.running]:
            return f"Not running: {', '.join(waiting)}."
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._database.serving.acquire() as session:
                await session.fetchval("select 1")
        except (*LOST, TimeoutError):
            return "The database does not answer."
        return None

    async def metrics(self) -> bytes:
        """Give Prometheus' text, also when the database is away."""
        return self._metrics.render(await self._backlog())

    async def _backlog(self) -> Backlog | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._database.engine.acquire() as session:
                return await measure_backlog(session)
        except (*LOST, TimeoutError):
            return None


def user_agent(contact: str | None) -> str:
    """Name this program, and whom to write to about it, to those it sends requests to."""
    name = f"Waypost/{version('waypost')}"
    return f"{name} (+{contact})" if contact else name


def carrier_sources(settings: Settings, http: CarrierHttp) -> tuple[CarrierSource, ...]:
    """Give the carriers that the settings hold a key for."""
    if settings.carrier_dhl_api_key is None:
        return ()
    budget = msgspec.structs.replace(
        dhl.BUDGET,
        calls_a_second=settings.carrier_dhl_calls_per_second,
        calls_a_day=settings.carrier_dhl_daily_calls,
    )
    key = settings.carrier_dhl_api_key.get_secret_value()
    return (dhl.DhlUnified(http, api_key=key, base_url=settings.carrier_dhl_base_url, budget=budget),)


def _sender(settings: Settings, guard: Guard, vault: Vault) -> Sender:
    source = None if settings.source_address is None else str(settings.source_address)
    sending = SendSettings(
        user_agent=user_agent(settings.contact),
        policy=Policy(settings.retry_base_seconds, settings.retry_limit),
        timeout_seconds=settings.http_timeout_seconds,
    )
    return Sender(guard, PyreqwestTransport(source_address=source), vault, sending)
