"""Report updates: what a shop's program says about its parcels goes to intake, once per idempotency key."""

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import IntakeContext
from waypost.actions.refusals import Conflict
from waypost.actions.submitting import submit, submit_once
from waypost.domain.trackings import Update
from waypost.intake.lines import Once
from waypost.intake.requests import Request, Result
from waypost.store import idempotency


class NewUpdate(msgspec.Struct, frozen=True, gc=False):
    """A checked update of one tracking; with ``create`` an unknown one is registered."""

    tracking_number: str
    courier_code: str
    create: bool
    update: Update


class WrittenUpdate(msgspec.Struct, frozen=True, gc=False):
    """The result of an update: ``tracking`` is None if it is unknown, ``event`` if nothing that is pushed changed.

    ``no_room``: it was to be registered, but the account's quota of parcels is used up.
    """

    tracking: UUID | None
    event: UUID | None
    changed: bool
    no_room: bool
    created: bool = False


class IdempotencyKey(msgspec.Struct, frozen=True):
    """A caller's key for one request, and the digest of that request."""

    text: str
    digest: bytes


async def report(
    context: IntakeContext,
    actor: Actor,
    updates: Sequence[NewUpdate],
    answer: Callable[[Sequence[WrittenUpdate]], bytes],
    key: IdempotencyKey | None = None,
) -> bytes:
    """Write updates and return ``answer`` of each result, once changes, events and deliveries are durable.

    With a key, the answer is stored in the same transaction, and is the answer to every repetition for 24 hours. Raise
    Conflict at a quota and as ``submit_once``, TooManyWaiting if the account has too much waiting, Busy and
    Unavailable.
    """
    try:
        await context.quotas.check(actor.account, updates=len(updates))
    except Conflict:
        # A repeated call is not a new one: it gets the answer of the first, whatever has been used up since.
        if key is not None and (kept := await _kept_answer(context, actor.account, key)) is not None:
            return kept
        raise
    may_create = await context.quotas.has_room(actor.account)
    requests = [
        Request(actor.account, one.tracking_number, one.courier_code, one.update, one.create and may_create)
        for one in updates
    ]

    def answered(results: list[Result]) -> bytes:
        context.quotas.note(actor.account, parcels=sum(one.created for one in results), updates=len(results))
        return answer(
            [
                WrittenUpdate(
                    result.tracking, result.event, result.changed, one.create and not may_create, result.created
                )
                for one, result in zip(updates, results, strict=True)
            ]
        )

    if key is None:
        return answered(await submit(context.intake, requests))
    return await submit_once(context.intake, requests, Once(actor.account, key.text, key.digest, answered))


async def _kept_answer(context: IntakeContext, account: UUID, key: IdempotencyKey) -> bytes | None:
    """Return the answer that is stored for this request under this key."""
    async with context.database.serving.acquire() as session:
        known = (await idempotency.find(session, [(account, key.text)])).get((account, key.text))
    return known.answer if known is not None and known.request == key.digest else None
