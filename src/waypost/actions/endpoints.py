"""Actions on the endpoints of an account, for the API v1 and the pages.

Each raises NotFound for an endpoint that is not the account's, and Invalid for invalid values.
"""

import os
import secrets
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.actions.actor import Actor, note
from waypost.actions.context import Context
from waypost.actions.endpoint_secrets import OVERLAP_SECONDS
from waypost.actions.endpoint_settings import (
    ALL,
    EndpointChange,
    EndpointCreation,
    EndpointSettings,
    changes_of,
    secret_faults,
    settings_after,
)
from waypost.actions.refusals import Conflict, Invalid, NotFound, present
from waypost.domain import ids
from waypost.domain.audit import Action
from waypost.domain.endpoints import DisabledReason, Ordering
from waypost.domain.times import rfc3339, rfc3339_or_none
from waypost.signing.standard import KEY_BYTES, make_secret
from waypost.store import endpoint_changes, endpoints, queue
from waypost.store.endpoint_changes import EndpointFields
from waypost.store.endpoints import EndpointRow
from waypost.store.statements import Session, transaction

_LOG: Final = structlog.get_logger()
ENDPOINT_EXISTS: Final = "endpoint_exists"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as v1 represents it."""

    id: str
    url: str
    description: str
    version: str
    statuses: str | list[str]
    trigger: str
    ordering: str
    enabled: bool
    disabled_reason: str | None
    rate_limit_per_second: int | None
    headers: dict[str, str]
    disable_after_days: int | None
    recover_automatically: bool
    health: str
    failing_since: str | None
    last_error: str | None
    created_at: str
    updated_at: str


def read_id(text: str) -> UUID:
    """Return the endpoint id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text(ids.ENDPOINT, text))


async def find(context: Context, actor: Actor, endpoint: UUID) -> EndpointRow:
    """Return the endpoint."""
    async with context.database.serving.acquire() as session:
        return present(await endpoints.find(session, actor.account, endpoint))


async def add(context: Context, actor: Actor, body: EndpointCreation) -> tuple[EndpointRow, str]:
    """Add an enabled endpoint and return it with its secret.

    Raise Conflict at the account's endpoint limit, or for a duplicate of another endpoint.
    """
    chosen = settings_after(body, None, context.check_url)
    secret = body.secret or make_secret(os.urandom(KEY_BYTES))
    async with context.database.serving.acquire() as session, transaction(session):
        place = await endpoint_changes.free_place(session, actor.account)
        if not body.allow_duplicate:
            await _refuse_duplicate(context, session, actor, chosen)
        endpoint = ids.make_endpoint_id(time.time_ns() // 1_000_000, actor.account, place, secrets.randbits(62))
        added = await endpoint_changes.insert_endpoint(
            session,
            endpoint=endpoint,
            account=actor.account,
            fields=_fields(context, chosen, actor.account, endpoint),
            secret=context.vault.seal(secret, account=actor.account, endpoint=endpoint),
            most=context.max_endpoints,
        )
        if not added:
            raise Conflict("endpoint_limit", limit_reached(context.max_endpoints))
        await note(session, actor, Action.ENDPOINT_ADDED, chosen.url, changes_of(None, chosen))
        return present(await endpoints.find(session, actor.account, endpoint)), secret


def limit_reached(most: int) -> str:
    """Return the sentence for an account that is at its endpoint limit."""
    return f"All {most} endpoints are in use. Delete one to add another."


async def _refuse_duplicate(
    context: Context, session: Session, actor: Actor, chosen: EndpointSettings, *, besides: UUID | None = None
) -> None:
    """Raise Conflict when another endpoint of the account gets some of the same events at the same URL."""
    for row in await endpoints.of_account(session, actor.account, before=None, limit=context.max_endpoints):
        if row.id != besides and chosen.overlaps(settings_of(context, row)):
            raise Conflict(
                ENDPOINT_EXISTS,
                f"The endpoint {ids.to_text(ids.ENDPOINT, row.id)} already has this URL and version, and statuses in"
                " common: each event would be sent twice.",
            )


def _same_events(before: EndpointSettings, after: EndpointSettings) -> bool:
    """Return whether a change leaves alone what makes an endpoint the duplicate of another."""
    return (before.url, before.version, before.statuses) == (after.url, after.version, after.statuses)


async def change(
    context: Context,
    actor: Actor,
    endpoint: UUID,
    body: EndpointChange,
    *,
    secret: str | None = None,
    check: Callable[[EndpointSettings], None] = lambda _: None,
) -> EndpointRow:
    """Change the given settings; waiting deliveries are sent with the new ones.

    If ``secret`` is given, the secret is rotated to it in the same transaction, with the usual overlap. Raise Conflict
    for a duplicate of another endpoint, as ``add``. ``check`` may reject the change for the settings that it replaces.
    """
    faults = [] if secret is None else secret_faults(secret)
    if faults:
        raise Invalid(faults)
    async with context.database.serving.acquire() as session, transaction(session):
        if not await endpoint_changes.lock_endpoint(session, actor.account, endpoint):
            raise NotFound
        before = settings_of(context, present(await endpoints.find(session, actor.account, endpoint)))
        check(before)
        after = settings_after(body, before, context.check_url)
        if not (body.allow_duplicate or _same_events(before, after)):
            await _refuse_duplicate(context, session, actor, after, besides=endpoint)
        await endpoint_changes.update_endpoint(
            session, actor.account, endpoint, _fields(context, after, actor.account, endpoint)
        )
        if changes := changes_of(before, after):
            await note(session, actor, Action.ENDPOINT_CHANGED, after.url, changes)
        if secret is not None:
            sealed = context.vault.seal(secret, account=actor.account, endpoint=endpoint)
            await endpoint_changes.update_secret(
                session, actor.account, endpoint, secret=sealed, overlap_seconds=OVERLAP_SECONDS
            )
            await note(session, actor, Action.SECRET_ROTATED, after.url)
        row = present(await endpoints.find(session, actor.account, endpoint))
    if row.ordering == Ordering.UNORDERED != before.ordering:
        await _free_waiting(context, endpoint)
    return row


async def switch(context: Context, actor: Actor, endpoint: UUID, *, on: bool) -> EndpointRow:
    """Enable or disable an endpoint. Disabling it cancels its waiting deliveries.

    An endpoint that Waypost disabled is no longer tested once a person has disabled it.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        await endpoint_changes.lock_endpoint(session, actor.account, endpoint)
        before = present(await endpoints.find(session, actor.account, endpoint))
        await endpoint_changes.update_enabled(session, actor.account, endpoint, None if on else DisabledReason.USER)
        row = present(await endpoints.find(session, actor.account, endpoint))
        if row.disabled_reason != before.disabled_reason:
            await note(session, actor, Action.ENDPOINT_ENABLED if on else Action.ENDPOINT_DISABLED, row.url)
    if row.enabled != before.enabled:
        _LOG.info(
            "endpoint_enabled" if on else "endpoint_disabled",
            endpoint=ids.to_text(ids.ENDPOINT, endpoint),
            reason=row.disabled_reason,
        )
    if not on:
        await _cancel_waiting(context, endpoint)
    return row


async def remove(context: Context, actor: Actor, endpoint: UUID) -> None:
    """Delete an endpoint and cancel its waiting deliveries."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = present(await endpoints.find(session, actor.account, endpoint))
        if not await endpoint_changes.delete_endpoint(session, actor.account, endpoint):
            raise NotFound
        await note(session, actor, Action.ENDPOINT_DELETED, before.url)
    await _cancel_waiting(context, endpoint)


def custom_headers(context: Context, row: EndpointRow) -> dict[str, str]:
    """Return an endpoint's custom headers."""
    if row.headers is None:
        return {}
    return msgspec.json.decode(
        context.vault.open(row.headers, account=row.account, endpoint=row.id), type=dict[str, str]
    )


def settings_of(context: Context, row: EndpointRow) -> EndpointSettings:
    """Return the settings of an endpoint that people choose."""
    headers = custom_headers(context, row)
    limit = row.rate_limit_per_second
    return EndpointSettings(
        *(row.url, row.description, row.version, row.statuses, row.trigger, row.ordering, limit, headers),
        *(row.disable_after_days, row.recover_automatically),
    )


def show(context: Context, row: EndpointRow) -> Endpoint:
    """Return an endpoint as v1 represents it."""
    return Endpoint(
        id=ids.to_text(ids.ENDPOINT, row.id),
        url=row.url,
        description=row.description,
        version=row.version,
        statuses=ALL if row.statuses is None else row.statuses,
        trigger=row.trigger,
        ordering=row.ordering,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        rate_limit_per_second=row.rate_limit_per_second,
        headers=custom_headers(context, row),
        disable_after_days=row.disable_after_days,
        recover_automatically=row.recover_automatically,
        health=_health(row),
        failing_since=rfc3339_or_none(row.failing_since),
        last_error=row.last_error,
        created_at=rfc3339(row.created_at),
        updated_at=rfc3339(row.updated_at),
    )


def _health(row: EndpointRow) -> str:
    if row.failing_since is not None:
        return "failing"
    return "new" if row.last_success_at is None else "ok"


def _fields(context: Context, chosen: EndpointSettings, account: UUID, endpoint: UUID) -> EndpointFields:
    text = msgspec.json.encode(chosen.headers).decode()
    sealed = context.vault.seal(text, account=account, endpoint=endpoint) if chosen.headers else None
    return EndpointFields(
        *(chosen.url, chosen.description, chosen.version, chosen.statuses, chosen.trigger, chosen.ordering),
        *(chosen.rate_limit_per_second, sealed, chosen.disable_after_days, chosen.recover_automatically),
    )


async def _cancel_waiting(context: Context, endpoint: UUID) -> None:
    """Cancel the waiting deliveries of a disabled endpoint; the keeper finds those queued concurrently."""
    async with context.database.engine.acquire() as session:
        while await queue.cancel_lane(session, endpoint):
            pass


async def _free_waiting(context: Context, endpoint: UUID) -> None:
    """Unblock deliveries that are queued behind others, now that the endpoint is unordered."""
    after: UUID | None = ids.FIRST
    async with context.database.engine.acquire() as session:
        while after is not None:
            after = await queue.free_lane(session, endpoint, after)
    context.hint([endpoint])
