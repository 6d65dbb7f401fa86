"""The signing secrets of an endpoint: reveal, rotate, and end a rotation.

Each function raises NotFound for an endpoint that is not the account's, and Invalid for invalid values.
"""

import os
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor, note
from waypost.actions.context import Context
from waypost.actions.endpoint_settings import secret_faults
from waypost.actions.refusals import Fault, Invalid, NotFound, present
from waypost.domain.audit import Action
from waypost.signing.standard import KEY_BYTES, make_secret
from waypost.store import endpoint_changes, endpoints
from waypost.store.endpoints import SealedSecrets
from waypost.store.statements import transaction

OVERLAP_SECONDS: Final = 86_400
LONGEST_OVERLAP_SECONDS: Final = 604_800


class OpenedSecrets(msgspec.Struct, frozen=True):
    """An endpoint's decrypted secrets. ``until`` is when the previous one stops signing, in Unix seconds."""

    current: str
    previous: str | None
    until: float | None


async def secrets_of(context: Context, actor: Actor, endpoint: UUID) -> OpenedSecrets:
    """Return the secrets that sign the endpoint's webhooks now."""
    async with context.database.serving.acquire() as session:
        return _opened(context, actor, endpoint, await endpoints.secrets_of(session, actor.account, endpoint))


async def reveal(context: Context, actor: Actor, endpoint: UUID) -> OpenedSecrets:
    """Return the secrets to show them to a person, and record that in the audit log."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = present(await endpoints.find(session, actor.account, endpoint))
        await note(session, actor, Action.SECRET_SHOWN, row.url)
        return _opened(context, actor, endpoint, await endpoints.secrets_of(session, actor.account, endpoint))


async def rotate(
    context: Context,
    actor: Actor,
    endpoint: UUID,
    *,
    secret: str | None = None,
    overlap_seconds: int = OVERLAP_SECONDS,
) -> OpenedSecrets:
    """Rotate to a custom or generated secret; the current one also signs until the overlap ends."""
    faults = [] if secret is None else secret_faults(secret)
    if not 0 <= overlap_seconds <= LONGEST_OVERLAP_SECONDS:
        faults.append(Fault("overlap_seconds", f"must be from 0 to {LONGEST_OVERLAP_SECONDS}"))
    if faults:
        raise Invalid(faults)
    sealed = context.vault.seal(secret or make_secret(os.urandom(KEY_BYTES)), account=actor.account, endpoint=endpoint)
    async with context.database.serving.acquire() as session, transaction(session):
        row = present(await endpoints.find(session, actor.account, endpoint))
        found = await endpoint_changes.update_secret(
            session, actor.account, endpoint, secret=sealed, overlap_seconds=overlap_seconds
        )
        await note(session, actor, Action.SECRET_ROTATED, row.url)
    return _opened(context, actor, endpoint, found)


async def end_rotation(context: Context, actor: Actor, endpoint: UUID) -> OpenedSecrets:
    """Remove the previous secret before the overlap ends."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = present(await endpoints.find(session, actor.account, endpoint))
        await note(session, actor, Action.ROTATION_ENDED, row.url)
        return _opened(
            context, actor, endpoint, await endpoint_changes.delete_previous_secret(session, actor.account, endpoint)
        )


def _opened(context: Context, actor: Actor, endpoint: UUID, found: SealedSecrets | None) -> OpenedSecrets:
    if found is None:
        raise NotFound
    current = context.vault.open(found.current, account=actor.account, endpoint=endpoint)
    if found.previous is None or found.previous_until is None:
        return OpenedSecrets(current, None, None)
    previous = context.vault.open(found.previous, account=actor.account, endpoint=endpoint)
    return OpenedSecrets(current, previous, found.previous_until.timestamp())
