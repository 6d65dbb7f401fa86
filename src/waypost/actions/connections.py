"""Actions on connections: an account's credentials for carriers, which are tested first, and for services that push.

Each function raises NotFound, Invalid, Conflict or TooManyWaiting. Credentials are write-only, and only the operator
can change a carrier's URL. Of the services that push, nothing is asked: their first push shows whether the credentials
are right.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions import connectable
from waypost.actions.actor import Actor, note
from waypost.actions.connectable import Connectable
from waypost.actions.connection_health import SEALED_ELSEWHERE, Connection, shown
from waypost.actions.context import ConnectionContext
from waypost.actions.refusals import Conflict, Fault, Invalid, checking, present
from waypost.domain import ids
from waypost.domain.audit import Action, Changes
from waypost.domain.carriers import CarrierError, CarrierRefused
from waypost.domain.times import from_ms, rfc3339
from waypost.sources.carriers.carrier import Carrier
from waypost.sources.reading import clean, own_words
from waypost.sources.sender import PushSender
from waypost.store import connection_changes, connections
from waypost.store.connections import ConnectionRow
from waypost.store.intake_rows import now
from waypost.store.statements import transaction
from waypost.store.vault import WrongKey

MOST_CONNECTIONS: Final = 100
LONGEST_NAME: Final = 100
PROBE_SECONDS: Final = 10.0
SECRET_BYTES: Final = 24
"""The random bytes of a secret that Waypost makes; as text it has 32 characters, the most that USPS takes."""


class NewConnection(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a new connection; ``untested`` stores the credentials without testing them."""

    source: str
    credentials: dict[str, str]
    name: str | None = None
    settings: dict[str, str] = {}
    untested: bool = False


class ConnectionChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a change: given fields are replaced, credentials only as a whole."""

    name: str | None = None
    enabled: bool | None = None
    credentials: dict[str, str] | None = None
    settings: dict[str, str] | None = None
    untested: bool = False


class Probe(msgspec.Struct, frozen=True):
    """The result of testing credentials; ``message`` contains the carrier's message, if any."""

    ok: bool
    message: str
    asked_at: str


async def probe(context: ConnectionContext, actor: Actor, source: str, credentials: Mapping[str, str]) -> Probe:
    """Test credentials for a carrier without storing them.

    Raise TooManyWaiting if the account tests too many at once.
    """
    known = _source(source)
    with checking():
        checked = known.check(credentials)
    return await _probe(context, actor, known, checked)


async def add(context: ConnectionContext, actor: Actor, body: NewConnection) -> Connection:
    """Add a connection after testing its credentials. Raise Conflict with the carrier's words if they don't work.

    A service that pushes gets an address, and secrets for those that were left to Waypost: they are ``generated``.
    """
    source = _source(body.source)
    with checking():
        credentials = source.check(body.credentials)
        settings = connectable.check_settings(source, body.settings)
    name, generated = _name(body.name, source), _secrets_for(source, credentials)
    if isinstance(source, Carrier) and not body.untested:
        _insist(await _probe(context, actor, source, credentials))
    async with context.database.engine.acquire() as session:
        connection = ids.make_id(await now(session), 0, secrets.randbits(62))
        async with transaction(session):
            if len(await connections.of_account(session, actor.account)) >= MOST_CONNECTIONS:
                raise Conflict("connection_limit", f"An account has at most {MOST_CONNECTIONS} connections.")
            await connection_changes.insert_connection(
                session,
                connection=connection,
                account=actor.account,
                source=source.name,
                kind=connectable.kind_of(source),
                name=name,
                credentials=_seal(context, actor.account, connection, credentials | generated),
                settings=settings,
            )
            if isinstance(source, PushSender):
                await context.addresses.add(session, actor.account, connection)
            await note(session, actor, Action.CONNECTION_ADDED, name, {"source": (None, source.name)})
    return msgspec.structs.replace(await find(context, actor, connection), generated=generated)


async def change(context: ConnectionContext, actor: Actor, connection: UUID, body: ConnectionChange) -> Connection:
    """Change a connection. New credentials are tested before they replace the old ones, and start without a history."""
    row = await own(context, actor, connection)
    source = _source(row.source)
    name = row.name if body.name is None else _name(body.name, source)
    enabled = row.enabled if body.enabled is None else body.enabled
    with checking():
        settings = row.settings if body.settings is None else connectable.check_settings(source, body.settings)
    generated: dict[str, str] = {}
    sealed = None
    if body.credentials is not None:
        with checking():
            credentials = source.check(body.credentials)
        if isinstance(source, Carrier) and not body.untested:
            _insist(await _probe(context, actor, source, credentials))
        generated = _secrets_for(source, credentials)
        sealed = _seal(context, actor.account, connection, credentials | generated)
    async with context.database.engine.acquire() as session, transaction(session):
        changed = await connection_changes.update_connection(
            session, row, name=name, enabled=enabled, credentials=sealed, settings=settings
        )
        present(changed or None)
        await note(session, actor, Action.CONNECTION_CHANGED, name, _changes(row, name, sealed, enabled=enabled))
    context.addresses.forget()
    return msgspec.structs.replace(await find(context, actor, connection), generated=generated)


async def delete(context: ConnectionContext, actor: Actor, connection: UUID) -> None:
    """Delete a connection and its credentials. Other connections that cover its parcels take them over."""
    row = await own(context, actor, connection)
    async with context.database.engine.acquire() as session, transaction(session):
        present(await connection_changes.delete_connection(session, actor.account, connection) or None)
        await note(session, actor, Action.CONNECTION_DELETED, row.name, {"source": (row.source, None)})
    context.addresses.forget()


async def test_credentials(context: ConnectionContext, actor: Actor, connection: UUID) -> Probe:
    """Test the stored credentials of a connection, and return what the carrier said."""
    row = await own(context, actor, connection)
    credentials = opened(context, row)
    if credentials is None:
        return _tried(SEALED_ELSEWHERE, ok=False)
    return await _probe(context, actor, _source(row.source), credentials)


def opened(context: ConnectionContext, row: ConnectionRow) -> dict[str, str] | None:
    """Return the credentials of an account's connection; None if they were sealed under another key."""
    assert row.account is not None  # noqa: S101 - the installation's are in the settings
    try:
        text = context.vault.open(row.credentials or b"", account=row.account, endpoint=row.id)
    except WrongKey:
        return None
    return msgspec.json.decode(text, type=dict[str, str])


async def find(context: ConnectionContext, actor: Actor, connection: UUID) -> Connection:
    """Return a connection of the account, or one of the installation that it can use."""
    async with context.database.serving.acquire() as session:
        rows = present(await connections.of_account(session, actor.account, connection, shared=True) or None)
        return (await shown(session, context, actor.account, rows))[0]


async def list_connections(context: ConnectionContext, actor: Actor) -> list[Connection]:
    """Return the account's connections and those of the installation, oldest first."""
    async with context.database.serving.acquire() as session:
        rows = await connections.of_account(session, actor.account, shared=True)
        return await shown(session, context, actor.account, rows)


def read_id(text: str) -> UUID:
    """Return the connection id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text(ids.CONNECTION, text))


async def own(context: ConnectionContext, actor: Actor, connection: UUID) -> ConnectionRow:
    """Return a connection of the account. Raise NotFound."""
    async with context.database.serving.acquire() as session:
        (row,) = present(await connections.of_account(session, actor.account, connection) or None)
    return row


async def _probe(
    context: ConnectionContext, actor: Actor, carrier: Connectable, credentials: Mapping[str, str]
) -> Probe:
    if isinstance(carrier, PushSender):
        message = f"{carrier.title} pushes: its first push shows whether the credentials are right. Send a test there."
        return _tried(message, ok=True)
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


def _source(name: str) -> Connectable:
    source = connectable.known(name)
    if source is None:
        known = ", ".join(one.name for one in connectable.every())
        raise Invalid([Fault("source", f"must be one of {known}")])
    return source


def _secrets_for(source: Connectable, credentials: Mapping[str, str]) -> dict[str, str]:
    """Return new values for the secrets of the account's own choice that were left empty."""
    wanted = source.secrets if isinstance(source, PushSender) else ()
    return {name: secrets.token_urlsafe(SECRET_BYTES) for name in wanted if name not in credentials}


def _name(text: str | None, source: Connectable) -> str:
    name = source.title if text is None else clean(text, most=LONGEST_NAME + 1)
    if name is None or len(name) > LONGEST_NAME:
        raise Invalid([Fault("name", f"must have 1 to {LONGEST_NAME} characters")])
    return name


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
