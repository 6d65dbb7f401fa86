"""Opens the sources of connections: an account's with its sealed credentials, the installation's from the settings."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import Probing
from waypost.actions.inbound_addresses import InboundAddresses
from waypost.actions.rooms import Rooms
from waypost.app.karrio import make_bridge
from waypost.app.sending import user_agent
from waypost.app.storage import Progress, migrated_database, secret_key
from waypost.domain import ids
from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierSource, CarrierUnavailable
from waypost.domain.inbound import ParcelToRegister
from waypost.intake.collector import Intake
from waypost.intake.poller import Poller
from waypost.intake.registering import SETTLED_SECONDS, ParcelRegistering, RegistrarCalls
from waypost.settings import Settings
from waypost.sources import carriers, polled
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.http import CarrierHttp
from waypost.sources.karrio.bridge import Bridge
from waypost.sources.karrio.table import BridgedCarrier
from waypost.sources.pushes.asking import ASKED, AskedService
from waypost.sources.pushes.registering import REGISTRARS
from waypost.store import connection_changes
from waypost.store.connection_changes import KeptConnection
from waypost.store.connections import ConnectionRow
from waypost.store.database import Database
from waypost.store.vault import Vault, WrongKey

CARRIER_SECONDS: Final = 20.0
NO_BRIDGE: Final = "this server has no karrio: its operator has to set WAYPOST_KARRIO_PYTHON"


def _granted(budget: Budget) -> dict[str, str]:
    """Return a budget's calls as a connection's settings, so that pages know them before the first poll."""
    return {"daily_calls": str(budget.calls_a_day), "calls_per_second": f"{budget.calls_a_second:g}"}


def installation_id(carrier: Carrier) -> UUID:
    """Return the id of the installation's connection to a carrier: the same at each start, on every machine."""
    digest = blake2b(b"connection of the installation:" + carrier.name.encode(), digest_size=8).digest()
    return ids.make_id(0, 0, int.from_bytes(digest))


def detected(number: str) -> Sequence[str]:
    """Return the courier codes whose own form a number has; a form that many share is no reason to poll."""
    return [guess.courier for guess in detect(number) if guess.certainty >= Certainty.LIKELY]


class Sources:
    """Opens the clients of carriers and services over one HTTP client, and karrio's carriers over its bridge."""

    def __init__(self, settings: Settings, http: CarrierHttp, vault: Vault, *, bridge: Bridge | None = None) -> None:
        self._bridge = bridge
        self._settings = settings
        self._http = http
        self._vault = vault

    def open(self, row: ConnectionRow) -> CarrierSource:
        """Return the source of a connection. Raise ValueError, worded for its owner, if it can't be used."""
        if row.source in ASKED:
            url = self._settings.service_url(row.source)
            return AskedService(row.source, ASKED[row.source], self._http, self._api_key(row), base_url=url)
        carrier = polled.find(row.source)
        if carrier is None:
            raise ValueError(f"the carrier {row.source} is unknown to this version of Waypost")
        if isinstance(carrier, BridgedCarrier):
            return self._open_bridged(carrier, row)
        key = self._settings.operator_key(carrier)
        if row.account is None or row.credentials is None:
            if key is None:
                raise ValueError("the operator's settings hold no credentials for it")
            return carrier.open(self._http, key.credentials, base_url=key.base_url, budget=key.budget)
        credentials = self._credentials(row, row.account)
        # Only the operator sets where a carrier answers, even for the accounts' own credentials.
        url = self._settings.base_url(carrier)
        return carrier.open(self._http, credentials, base_url=url, budget=carrier.granted(row.settings))

    def _open_bridged(self, carrier: BridgedCarrier, row: ConnectionRow) -> CarrierSource:
        if self._bridge is None:
            raise ValueError(NO_BRIDGE)
        if row.account is None:
            raise ValueError("the operator's settings can't hold credentials for a carrier of karrio's")
        credentials, budget = self._credentials(row, row.account), carrier.granted(row.settings)
        return self._bridge.open(carrier, credentials, account=row.account, budget=budget)

    def _credentials(self, row: ConnectionRow, account: UUID) -> dict[str, str]:
        try:
            opened = self._vault.open(row.credentials or b"", account=account, endpoint=row.id)
        except WrongKey as error:
            raise ValueError(str(error)) from None
        return msgspec.json.decode(opened, type=dict[str, str])

    async def close(self) -> None:
        """Close the connections, and end karrio's processes."""
        await self._http.close()
        if self._bridge is not None:
            await self._bridge.close()

    async def probe(self, name: str, credentials: Mapping[str, str]) -> None:
        """Try credentials for a carrier. Raise CarrierError if they do not work."""
        carrier = polled.find(name)
        if carrier is None:
            raise CarrierUnavailable(f"the carrier {name} is unknown to this version of Waypost")
        if isinstance(carrier, BridgedCarrier):
            if self._bridge is None:
                raise CarrierUnavailable(NO_BRIDGE)
            await self._bridge.open(carrier, credentials).probe()
            return
        await carrier.open(self._http, credentials, base_url=self._settings.base_url(carrier)).probe()

    async def register(self, row: ConnectionRow, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
        """Register parcels at a connection's service; see ``intake.registering``."""
        registrar = REGISTRARS[row.source]
        return await registrar.register(self._http, self._settings.service_url(row.source), self._api_key(row), parcels)

    async def stop_registration(self, row: ConnectionRow, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
        """End the registration of parcels, if the service can."""
        registrar = REGISTRARS[row.source]
        if registrar.stop is None:
            return [None] * len(parcels)
        return await registrar.stop(self._http, self._settings.service_url(row.source), self._api_key(row), parcels)

    async def resume_registration(self, row: ConnectionRow, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
        """Have stopped parcels followed again."""
        registrar = REGISTRARS[row.source]
        resume = registrar.resume or registrar.register
        return await resume(self._http, self._settings.service_url(row.source), self._api_key(row), parcels)

    def _api_key(self, row: ConnectionRow) -> str:
        assert row.account is not None  # noqa: S101 - the installation has no connections that push
        key = self._credentials(row, row.account).get("api_key")
        if key is None:
            raise ValueError("the connection has no API key")
        return key

    async def keep_installation(self, database: Database) -> None:
        """Register the connections of the installation in the database: the carriers whose credentials are set."""
        named = {
            installation_id(carrier): KeptConnection(carrier.name, carrier.title, _granted(key.budget))
            for carrier in carriers.carriers()
            if (key := self._settings.operator_key(carrier)) is not None
        }
        async with database.engine.acquire() as session:
            await connection_changes.keep_installation(session, named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """What a command needs to connect carriers: a ``ConnectionContext``."""

    database: Database
    vault: Vault
    probe: Probing
    addresses: InboundAddresses
    rooms: Rooms = field(default_factory=Rooms)


@asynccontextmanager
async def connecting(settings: Settings, progress: Progress) -> AsyncIterator[Connecting]:
    """Yield the context for a short command. Raise NotMigrated or WrongSecretKey."""
    async with migrated_database(settings, progress) as database:
        vault = Vault(await secret_key(settings, database))
        sources = open_sources(settings, vault)
        try:
            addresses = InboundAddresses(database, vault, public_url=settings.public_url)
            yield Connecting(database=database, vault=vault, probe=sources.probe, addresses=addresses)
        finally:
            await sources.close()


def open_sources(settings: Settings, vault: Vault) -> Sources:
    """Return what opens the sources of this process's connections, to be closed at its end."""
    http = CarrierHttp(timeout_seconds=CARRIER_SECONDS, user_agent=user_agent(settings.contact))
    return Sources(settings, http, vault, bridge=make_bridge(settings))


def registering(database: Database, sources: Sources, *, settled_seconds: float = SETTLED_SECONDS) -> ParcelRegistering:
    """Return what registers parcels at the services that push."""
    calls = RegistrarCalls(
        register=sources.register,
        stop=sources.stop_registration,
        resume=sources.resume_registration,
        most_at_once=lambda source: REGISTRARS[source].most_at_once if source in REGISTRARS else 0,
        polled=ASKED,
        pausing=frozenset(name for name, one in REGISTRARS.items() if one.pauses),
    )
    return ParcelRegistering(database, calls, settled_seconds=settled_seconds)


class Polling:
    """The poll loop of a process, which first registers the installation's connections."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        sources: Sources,
        *,
        codes: Mapping[str, frozenset[str]],
        speed: float,
    ) -> None:
        self._database = database
        self._sources = sources
        self._poller = Poller(
            database,
            intake,
            codes=codes,
            services=ASKED,
            detect=detected,
            open_source=sources.open,
            speed=speed,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set. Raise when PostgreSQL is unavailable."""
        await self._sources.keep_installation(self._database)
        await self._poller.serve(stop)
