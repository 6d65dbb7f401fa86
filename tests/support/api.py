"""The API in this process: the real application on a real database, called without a network."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import Any, cast
from uuid import UUID

from httpx import ASGITransport, AsyncClient
from litestar import Litestar

from tests.support.applications import borrowed
from tests.support.databases import add_account
from waypost.actions.context import KeyContext
from waypost.actions.inbound_addresses import InboundAddresses
from waypost.actions.quotas import Quotas
from waypost.actions.track_links import TrackLinks
from waypost.api.call_limits import CallLimits
from waypost.api.keys import Keys
from waypost.api.page_ends import PageEnds
from waypost.api.parts import Parts
from waypost.api.push_rates import PushRates
from waypost.api.report_rates import ReportRates
from waypost.app.sources import installation_id
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.domain import ids
from waypost.domain.api_keys import RANDOM_BYTES, digest_of, make_key, shown_prefix
from waypost.domain.quotas import Quota
from waypost.domain.targets import Ports
from waypost.intake.collector import Intake
from waypost.intake.inbox import Inbox
from waypost.portal.application import PageSet
from waypost.sources.carriers import carriers
from waypost.sources.polled import courier_codes, pollable_codes
from waypost.store import connection_changes
from waypost.store.database import Database
from waypost.store.vault import Vault

SCOPES = ("read", "write", "updates")
NO_QUOTA = Quota()
GUARD = Guard(SystemResolver(), ports=Ports.parse("80,443"), allow=(ip_network("127.0.0.0/8"),))


@dataclass
class Caller:
    """An account and a key of it."""

    account: UUID
    client: AsyncClient
    key: str

    async def call(self, method: str, path: str, **content: Any) -> Any:
        headers = {"tracking-api-key": self.key, **content.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **content)

    async def get(self, path: str, **content: Any) -> Any:
        return await self.call("GET", path, **content)

    async def post(self, path: str, body: object = None, **content: Any) -> Any:
        return await self.call("POST", path, json=body, **content)


@dataclass
class Api:
    """The application and the parts that tests look into."""

    application: Litestar
    parts: Parts
    client: AsyncClient
    database: Database
    hinted: list[UUID]
    pages: PageSet | None = None

    async def caller(self, *, scopes: tuple[str, ...] = SCOPES) -> Caller:
        """Make an account with a key."""
        account = await add_account(self.database)
        return Caller(account, self.client, await add_key(self.database, account, scopes=scopes))


async def add_key(database: Database, account: UUID, *, scopes: tuple[str, ...] = SCOPES) -> str:
    key = make_key(secrets.token_bytes(RANDOM_BYTES))
    await database.serving.execute(
        "insert into api_key (id, account, name, prefix, digest, scopes) values ($1, $2, 'Test', $3, $4, $5)",
        ids.make_id(1_790_000_000_000, 0, secrets.randbits(62)),
        account,
        shown_prefix(key),
        digest_of(key),
        list(scopes),
    )
    return key


async def no_metrics() -> bytes:
    return b"# nothing\n"


async def connect(database: Database, names: Collection[str]) -> None:
    """Add an operator's connection to each of these carriers."""
    named = {
        installation_id(one): connection_changes.KeptConnection(one.name, one.title, {"daily_calls": "4000"})
        for one in carriers()
        if one.name in names
    }
    async with database.engine.acquire() as session:
        await connection_changes.keep_installation(session, named)


VAULT = Vault("a key for tests only")
ALIKE: dict[str, Any] = {
    "test_seconds": 0.05,
    "outgoing_ips": ("203.0.113.7",),
    "metrics": no_metrics,
    "vault": VAULT,
    "track_links": TrackLinks("a key for tests only", public_url=None),
}


async def say(reason: str | None) -> str | None:
    return reason


async def accept_credentials(source: str, credentials: Mapping[str, str]) -> None:
    """Try nothing, as a carrier that accepts everything."""


@asynccontextmanager
async def serving_api(
    database: Database,
    *,
    max_endpoints: int = 4,
    ready: str | None = None,
    connected: Collection[str] = (),
    with_bridge: bool = False,
    probe: Callable[[str, Mapping[str, str]], Awaitable[None]] = accept_credentials,
    call_limits: CallLimits | None = None,
    report_rates: ReportRates | None = None,
    push_rates: PushRates | None = None,
    quota: Quota = NO_QUOTA,
    with_pages: Callable[[Parts], PageSet] | None = None,
) -> AsyncIterator[Api]:
    """Serve the API; ``connected`` names the carriers that the installation has a connection to."""
    intake = Intake(database, polled=pollable_codes(with_bridge=with_bridge), hint=(hinted := list[UUID]()).extend)
    await connect(database, connected)
    parts = Parts(
        database=database,
        intake=intake,
        quotas=(quotas := Quotas(database, quota)),
        codes=courier_codes(with_bridge=with_bridge),
        probe=probe,
        **receiving_pushes(database),
        keys=Keys(KeyContext(database=database, quotas=quotas)),
        check_url=GUARD.check,
        max_endpoints=max_endpoints,
        hint=hinted.extend,
        hint_by_hand=lambda: hinted.append(UUID(int=0)),
        ready=partial(say, ready),
        **ALIKE,
        page_ends=PageEnds(),
        call_limits=call_limits,
        report_rates=report_rates,
        push_rates=push_rates,
    )
    intake.start()
    with borrowed(parts, with_pages) as built:
        async with _calling(built.application) as client:
            yield Api(built.application, built.parts, client, database, hinted, built.pages)
    await intake.stop()


def receiving_pushes(database: Database) -> dict[str, Any]:
    return {"addresses": InboundAddresses(database, VAULT, public_url=None), "inbox": Inbox(database)}


def _calling(application: Litestar) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(cast("Any", application)), base_url="http://waypost.test")
