"""What is done with endpoints, for the calls of v1 and for the pages alike. Every function is about one account's own.

Each raises NotFound for an endpoint that is not the account's, and Invalid for what can't be taken.
"""

import asyncio
import os
import secrets
import time
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.actor import note
from waypost.actions.context import Context
from waypost.actions.endpoint_fields import Added, Changed, Chosen, changes_of, choose, secret_faults
from waypost.actions.refusals import Conflict, Fault, Invalid, NotFound
from waypost.domain import ids
from waypost.domain.audit import Action
from waypost.domain.endpoints import DisabledReason, Ordering
from waypost.domain.statuses import SELECTABLE
from waypost.signing.standard import KEY_BYTES, make_secret
from waypost.store import deliveries, endpoints, queue
from waypost.store.deliveries import DeliveryRow
from waypost.store.endpoints import EndpointFields, EndpointRow, SealedSecrets
from waypost.store.statements import transaction

OVERLAP_SECONDS: Final = 86_400
LONGEST_OVERLAP_SECONDS: Final = 604_800
_FIRST_LOOK_SECONDS: Final = 0.01
_SLOWEST_LOOK_SECONDS: Final = 0.25


class Secrets(msgspec.Struct, frozen=True):
    """An endpoint's secrets, opened; ``until`` is when the previous one ends to sign."""

    current: str
    previous: str | None
    until: float | None


def read_id(text: str) -> UUID:
    """Read an endpoint's id from an address."""
    found = ids.from_text(ids.ENDPOINT, text)
    if found is None:
        raise NotFound
    return found


async def find(context: Context, account: UUID, endpoint: UUID) -> EndpointRow:
    """Give the endpoint."""
    async with context.database.serving.acquire() as session:
        return _there(await endpoints.find(session, account, endpoint))


async def add(context: Context, account: UUID, body: Added) -> tuple[EndpointRow, str]:
    """Add an endpoint, on; gives it and its secret. Raises Conflict when the account has its number already."""
    chosen = choose(body, None, context.check_url)
    secret = body.secret or make_secret(os.urandom(KEY_BYTES))
    async with context.database.serving.acquire() as session, transaction(session):
        place = await endpoints.free_place(session, account)
        endpoint = ids.make_endpoint_id(time.time_ns() // 1_000_000, account, place, secrets.randbits(62))
        added = await endpoints.add(
            session,
            endpoint=endpoint,
            account=account,
            fields=_fields(context, chosen, account, endpoint),
            secret=context.vault.seal(secret, account=account, endpoint=endpoint),
            most=context.max_endpoints,
        )
        if not added:
            raise Conflict("endpoint_limit", limit_reached(context.max_endpoints))
        await note(session, account, Action.ENDPOINT_ADDED, chosen.url, changes_of(None, chosen))
        return _there(await endpoints.find(session, account, endpoint)), secret


def limit_reached(most: int) -> str:
    """Say that no further endpoint can be added."""
    return f"The account has its {most} endpoints already: delete one first."


async def change(
    context: Context, account: UUID, endpoint: UUID, body: Changed, *, secret: str | None = None
) -> EndpointRow:
    """Change what is given; what waits is sent with what the endpoint is then.

    With ``secret`` the present one is rotated to it in the same moment, with the usual overlap.
    """
    faults = [] if secret is None else secret_faults(secret)
    if faults:
        raise Invalid(faults)
    async with context.database.serving.acquire() as session, transaction(session):
        if not await endpoints.lock(session, account, endpoint):
            raise NotFound
        before = chosen_of(context, _there(await endpoints.find(session, account, endpoint)))
        after = choose(body, before, context.check_url)
        await endpoints.change(session, account, endpoint, _fields(context, after, account, endpoint))
        if changes := changes_of(before, after):
            await note(session, account, Action.ENDPOINT_CHANGED, after.url, changes)
        if secret is not None:
            sealed = context.vault.seal(secret, account=account, endpoint=endpoint)
            await endpoints.rotate(session, account, endpoint, secret=sealed, overlap_seconds=OVERLAP_SECONDS)
            await note(session, account, Action.SECRET_ROTATED, after.url)
        row = _there(await endpoints.find(session, account, endpoint))
    if row.ordering == Ordering.UNORDERED != before.ordering:
        await _free_waiting(context, endpoint)
    return row


async def switch(context: Context, account: UUID, endpoint: UUID, *, on: bool) -> EndpointRow:
    """Turn an endpoint on, or off: then what waits for it is cancelled."""
    async with context.database.serving.acquire() as session, transaction(session):
        await endpoints.lock(session, account, endpoint)
        before = _there(await endpoints.find(session, account, endpoint))
        await endpoints.switch(session, account, endpoint, None if on else DisabledReason.USER)
        row = _there(await endpoints.find(session, account, endpoint))
        if row.enabled != before.enabled:
            await note(session, account, Action.ENDPOINT_ENABLED if on else Action.ENDPOINT_DISABLED, row.url)
    if not on:
        await _cancel_waiting(context, endpoint)
    return row


async def remove(context: Context, account: UUID, endpoint: UUID) -> None:
    """Delete an endpoint; what waits for it is cancelled."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = _there(await endpoints.find(session, account, endpoint))
        if not await endpoints.delete(session, account, endpoint):
            raise NotFound
        await note(session, account, Action.ENDPOINT_DELETED, before.url)
    await _cancel_waiting(context, endpoint)


async def secrets_of(context: Context, account: UUID, endpoint: UUID) -> Secrets:
    """Give what the endpoint's webhooks are signed with now."""
    async with context.database.serving.acquire() as session:
        return _opened(context, account, endpoint, await endpoints.secrets_of(session, account, endpoint))


async def reveal(context: Context, account: UUID, endpoint: UUID) -> Secrets:
    """Give the same to somebody who asks to see it."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = _there(await endpoints.find(session, account, endpoint))
        await note(session, account, Action.SECRET_SHOWN, row.url)
        return _opened(context, account, endpoint, await endpoints.secrets_of(session, account, endpoint))


async def rotate(
    context: Context,
    account: UUID,
    endpoint: UUID,
    *,
    secret: str | None = None,
    overlap_seconds: int = OVERLAP_SECONDS,
) -> Secrets:
    """Change the secret, to one that is brought along or to a new one; the present one signs too for a while."""
    faults = [] if secret is None else secret_faults(secret)
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        faults.append(Fault("overlap_seconds", f"must be 0 to {LONGEST_OVERLAP_SECONDS}"))
    if faults:
        raise Invalid(faults)
    sealed = context.vault.seal(secret or make_secret(os.urandom(KEY_BYTES)), account=account, endpoint=endpoint)
    async with context.database.serving.acquire() as session, transaction(session):
        row = _there(await endpoints.find(session, account, endpoint))
        found = await endpoints.rotate(session, account, endpoint, secret=sealed, overlap_seconds=overlap_seconds)
        await note(session, account, Action.SECRET_ROTATED, row.url)
    return _opened(context, account, endpoint, found)


async def end_rotation(context: Context, account: UUID, endpoint: UUID) -> Secrets:
    """Let the previous secret sign no more."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = _there(await endpoints.find(session, account, endpoint))
        await note(session, account, Action.ROTATION_ENDED, row.url)
        return _opened(context, account, endpoint, await endpoints.end_rotation(session, account, endpoint))


async def test(context: Context, account: UUID, endpoint: UUID, status: str) -> DeliveryRow:
    """Send the sample of a status and wait for what comes of it; an unsettled delivery when that takes too long."""
    if status not in list(SELECTABLE):
        raise Invalid([Fault("status", f"must be one of {', '.join(SELECTABLE)}")])
    random = secrets.randbits(62), secrets.randbits(62)
    async with context.database.serving.acquire() as session, transaction(session):
        delivery = await queue.add_test(session, account, endpoint, sample=status, random=random)
    if delivery is None:
        raise NotFound
    context.hint_by_hand()
    ends, pause = time.monotonic() + context.test_seconds, _FIRST_LOOK_SECONDS
    while True:
        async with context.database.serving.acquire() as session:
            row = await deliveries.find(session, account, delivery)
        if row is None:  # deleted with its endpoint's history in this moment
            raise NotFound
        if row.state is not None or time.monotonic() >= ends:
            return row
        await asyncio.sleep(pause)
        pause = min(pause * 2, _SLOWEST_LOOK_SECONDS)


def custom_headers(context: Context, row: EndpointRow) -> dict[str, str]:
    """Give an endpoint's custom headers."""
    if row.headers is None:
        return {}
    return msgspec.json.decode(
        context.vault.open(row.headers, account=row.account, endpoint=row.id), type=dict[str, str]
    )


def chosen_of(context: Context, row: EndpointRow) -> Chosen:
    """Give what people have chosen about an endpoint."""
    headers = custom_headers(context, row)
    limit = row.rate_limit_per_second
    return Chosen(row.url, row.description, row.version, row.statuses, row.trigger, row.ordering, limit, headers)


def _fields(context: Context, chosen: Chosen, account: UUID, endpoint: UUID) -> EndpointFields:
    text = msgspec.json.encode(chosen.headers).decode()
    sealed = context.vault.seal(text, account=account, endpoint=endpoint) if chosen.headers else None
    return EndpointFields(
        *(chosen.url, chosen.description, chosen.version, chosen.statuses, chosen.trigger, chosen.ordering),
        *(chosen.rate_limit_per_second, sealed),
    )


def _opened(context: Context, account: UUID, endpoint: UUID, found: SealedSecrets | None) -> Secrets:
    if found is None:
        raise NotFound
    current = context.vault.open(found.current, account=account, endpoint=endpoint)
    if found.previous is None or found.previous_until is None:
        return Secrets(current, None, None)
    previous = context.vault.open(found.previous, account=account, endpoint=endpoint)
    return Secrets(current, previous, found.previous_until.timestamp())


async def _cancel_waiting(context: Context, endpoint: UUID) -> None:
    """Settle what waits for an endpoint that is off; what is queued at this very moment the keeper finds."""
    async with context.database.engine.acquire() as session:
        while await queue.cancel_lane(session, endpoint):
            pass


async def _free_waiting(context: Context, endpoint: UUID) -> None:
    """Let what waits behind others go, now that the endpoint wants no order."""
    after: UUID | None = deliveries.FIRST
    async with context.database.engine.acquire() as session:
        while after is not None:
            after = await queue.free_lane(session, endpoint, after)
    context.hint([endpoint])


def _there(row: EndpointRow | None) -> EndpointRow:
    if row is None:
        raise NotFound
    return row
