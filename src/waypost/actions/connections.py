"""Actions on connections: an account's credentials for carriers, tested before they are stored.

Each function raises NotFound, Invalid, Conflict or Busy. Credentials are write-only, and only the operator can change a
carrier's URL.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor, note
from waypost.actions.connection_health import SEALED_ELSEWHERE, Connection, shown
from waypost.actions.context import ConnectionContext
from waypost.actions.refusals import Conflict, Fault, Invalid, checking, present
from waypost.domain import ids
from waypost.domain.audit import Action, Changes
from waypost.domain.carriers import CarrierError, CarrierRefused
from waypost.domain.connections import ConnectionKind
from waypost.domain.times import from_ms, rfc3339
from waypost.sources import carriers
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.reading import clean, own_words
from waypost.store import connection_changes, connections
from waypost.store.connections import ConnectionRow
from waypost.store.intake_rows import now
from waypost.store.statements import transaction
from waypost.store.vault import WrongKey

MOST_CONNECTIONS: Final = 100
LONGEST_NAME: Final = 100
PROBE_SECONDS: Final = 10.0
MOST_CALLS: Final = 1_000_000_000
_SETTINGS: Final = frozenset({"daily_calls", "calls_per_second"})


class NewConnection(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a new connection; ``untested`` stores the credentials without testing them."""

    source: str
    credentials: dict[str, str]
    name: str | None = None
    settings: dict[str, str] = {}
    untested: bool = False


class ConnectionChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a change: given fields are changed, credentials as a whole."""

    name: str | None = None
    enabled: bool | None = None
    credentials: dict[str, str] | None = None
    settings: dict[str, str] | None = None
    untested: bool = False


class Probe(msgspec.Struct, frozen=True):
    """The result of testing credentials; ``message`` contains the carrier's words if it gave any."""

    ok: bool
    message: str
    asked_at: str


async def probe(context: ConnectionContext, actor: Actor, source: str, credentials: Mapping[str, str]) -> Probe:
    """Test credentials for a carrier without storing them. Raise Busy if the account tests too many at once."""
    carrier = _carrier(source)
    with checking():
        checked = carrier.check(credentials)
    return await _probe(context, actor, carrier, checked)


async def add(context: ConnectionContext, actor: Actor, body: NewConnection) -> Connection:
    """Add a connection after testing its credentials. Raise Conflict with the carrier's words if they don't work."""
    carrier = _carrier(body.source)
    with checking():
        credentials = carrier.check(body.credentials)
    name, settings = _name(body.name, carrier), _settings(body.settings)
    if not body.untested:
        _insist(await _probe(context, actor, carrier, credentials))
    async with context.database.engine.acquire() as session:
        connection = ids.make_id(await now(session), 0, secrets.randbits(62))
        async with transaction(session):
            if len(await connections.of_account(session, actor.account)) >= MOST_CONNECTIONS:
                raise Conflict("connection_limit", f"An account has at most {MOST_CONNECTIONS} connections.")
            await connection_changes.insert_connection(
                session,
                connection=connection,
                account=actor.account,
                source=carrier.name,
                kind=ConnectionKind.CARRIER,
                name=name,
                credentials=_seal(context, actor.account, connection, credentials),
                settings=settings,
            )
            await note(session, actor, Action.CONNECTION_ADDED, name, {"source": (None, carrier.name)})
    return await find(context, actor, connection)


async def change(context: ConnectionContext, actor: Actor, connection: UUID, body: ConnectionChange) -> Connection:
    """Change a connection. New credentials are tested before they replace the old ones, and start without a history."""
    row = await _own(context, actor, connection)
    carrier = _carrier(row.source)
    name = row.name if body.name is None else _name(body.name, carrier)
    enabled = row.enabled if body.enabled is None else body.enabled
    settings = row.settings if body.settings is None else _settings(body.settings)
    sealed = None
    if body.credentials is not None:
        with checking():
            credentials = carrier.check(body.credentials)
        if not body.untested:
            _insist(await _probe(context, actor, carrier, credentials))
        sealed = _seal(context, actor.account, connection, credentials)
    async with context.database.engine.acquire() as session, transaction(session):
        changed = await connection_changes.update_connection(
            session, row, name=name, enabled=enabled, credentials=sealed, settings=settings
        )
        present(changed or None)
        await note(session, actor, Action.CONNECTION_CHANGED, name, _changes(row, name, sealed, enabled=enabled))
    return await find(context, actor, connection)


async def delete(context: ConnectionContext, actor: Actor, connection: UUID) -> None:
    """Delete a connection and its credentials. Other connections that cover its parcels take them over."""
    row = await _own(context, actor, connection)
    async with context.database.engine.acquire() as session, transaction(session):
        present(await connection_changes.delete_connection(session, actor.account, connection) or None)
        await note(session, actor, Action.CONNECTION_DELETED, row.name, {"source": (row.source, None)})


async def test_credentials(context: ConnectionContext, actor: Actor, connection: UUID) -> Probe:
    """Test the stored credentials of a connection, and return what the carrier said."""
    row = await _own(context, actor, connection)
    try:
        opened = context.vault.open(row.credentials or b"", account=actor.account, endpoint=connection)
    except WrongKey:
        return _tried(SEALED_ELSEWHERE, ok=False)
    credentials = msgspec.json.decode(opened, type=dict[str, str])
    return await _probe(context, actor, _carrier(row.source), credentials)


async def find(context: ConnectionContext, actor: Actor, connection: UUID) -> Connection:
    """Return a connection of the account, or one of the installation that it can use."""
    async with context.database.serving.acquire() as session:
        rows = present(await connections.of_account(session, actor.account, connection, shared=True) or None)
        return (await shown(session, context.vault, actor.account, rows))[0]


async def list_connections(context: ConnectionContext, actor: Actor) -> list[Connection]:
    """Return the account's connections and those of the installation, oldest first."""
    async with context.database.serving.acquire() as session:
        rows = await connections.of_account(session, actor.account, shared=True)
        return await shown(session, context.vault, actor.account, rows)


def read_id(text: str) -> UUID:
    """Return the connection id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text(ids.CONNECTION, text))


async def _own(context: ConnectionContext, actor: Actor, connection: UUID) -> ConnectionRow:
    async with context.database.serving.acquire() as session:
        (row,) = present(await connections.of_account(session, actor.account, connection) or None)
    return row


async def _probe(context: ConnectionContext, actor: Actor, carrier: Carrier, credentials: Mapping[str, str]) -> Probe:
    try:
        async with context.rooms.probes.hold(actor.account), asyncio.timeout(PROBE_SECONDS):
            await context.probe(carrier.name, credentials)
    except TimeoutError:
        return _tried(f"{carrier.title} did not respond within {PROBE_SECONDS:g} s.", ok=False)
    except CarrierRefused as error:
        words = own_words(error.body)
        said = f"{carrier.title} rejected the credentials ({error.status})"
        return _tried(f"{said}: {words}" if words else f"{said}.", ok=False)
    except CarrierError as error:
        return _tried(f"{carrier.title} could not be reached: {error}.", ok=False)
    return _tried(f"{carrier.title} accepts the credentials.", ok=True)


def _tried(message: str, *, ok: bool) -> Probe:
    return Probe(ok, message, rfc3339(from_ms(time.time_ns() // 1_000_000)))


def _insist(tried: Probe) -> None:
    if not tried.ok:
        raise Conflict("connection_refused", tried.message)


def _carrier(source: str) -> Carrier:
    carrier = carriers.find(source)
    if carrier is None:
        known = ", ".join(one.name for one in carriers.carriers())
        raise Invalid([Fault("source", f"must be one of {known}")])
    return carrier


def _name(text: str | None, carrier: Carrier) -> str:
    name = carrier.title if text is None else clean(text, most=LONGEST_NAME + 1)
    if name is None or len(name) > LONGEST_NAME:
        raise Invalid([Fault("name", f"must have 1 to {LONGEST_NAME} characters")])
    return name


def _settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the calls per day and per second that the carrier granted."""
    unknown = sorted(set(given) - _SETTINGS)
    faults = [Fault(f"settings.{name}", "is not a setting of a connection") for name in unknown]
    daily, pace = given.get("daily_calls"), given.get("calls_per_second")
    if daily is not None and not (daily.isascii() and daily.isdigit() and 1 <= int(daily[:12]) <= MOST_CALLS):
        faults.append(Fault("settings.daily_calls", f"must be a whole number from 1 to {MOST_CALLS:,}"))
    if pace is not None and not _is_pace(pace):
        faults.append(Fault("settings.calls_per_second", "must be a number from 0.001 to 10,000"))
    if faults:
        raise Invalid(faults)
    return dict(given)


def _is_pace(text: str) -> bool:
    try:
        return len(text) <= 12 and 0.001 <= float(text) <= 10_000  # noqa: PLR2004 - the bounds of a pace
    except ValueError:
        return False


def _seal(context: ConnectionContext, account: UUID, connection: UUID, credentials: Mapping[str, str]) -> bytes:
    written = msgspec.json.encode(credentials).decode()
    return context.vault.seal(written, account=account, endpoint=connection)


def _changes(row: ConnectionRow, name: str, sealed: bytes | None, *, enabled: bool) -> Changes:
    changes: Changes = {}
    if name != row.name:
        changes["name"] = (row.name, name)
    if enabled != row.enabled:
        changes["enabled"] = (str(row.enabled).lower(), str(enabled).lower())
    if sealed is not None:
        changes["credentials"] = ("[redacted]", "[redacted]")
    return changes
