"""Tests of endpoints: send a sample, a parcel or an edited body like any delivery, and wait for the result."""

import json
import secrets
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from waypost.actions import trackings
from waypost.actions.actor import Actor
from waypost.actions.constraints import one_of
from waypost.actions.context import Context
from waypost.actions.refusals import Fault, Invalid, NotFound, present
from waypost.actions.results import until_ended
from waypost.domain.statuses import SELECTABLE, Status
from waypost.store import deliveries, queue
from waypost.store.deliveries import DeliveryRow
from waypost.store.queue import CustomPayload
from waypost.store.statements import transaction
from waypost.store.states import pack_beside_others

LONGEST_BODY: Final = 64 << 10
LONGEST_NUMBER: Final = 64
_SIGNATURES: Final = ("verify", "verifyInfo")


class RequestedTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a test sends, exactly one of: the sample of a status, the state of a parcel, or a body of one's own."""

    status: Annotated[str, one_of(SELECTABLE)] | None = None
    tracking_id: str | None = None
    body: dict[str, Any] | None = None


class _Prepared(msgspec.Struct, frozen=True):
    """A status, and what is sent instead of its sample."""

    status: str
    payload: CustomPayload | None = None


async def send_test(context: Context, actor: Actor, endpoint: UUID, asked: RequestedTest) -> DeliveryRow:
    """Send a test and return its delivery, which is unsettled if the result takes too long.

    Raise Invalid unless exactly one thing is to be sent, NotFound for a parcel that is not the account's, and
    TooManyWaiting, and send nothing, while many tests of the account wait.
    """
    prepared = await _prepared(context, actor, asked)
    async with context.rooms.tests.hold(actor.account):
        return await _sent(context, actor.account, endpoint, prepared)


async def _prepared(context: Context, actor: Actor, asked: RequestedTest) -> _Prepared:
    given = [one for one in (asked.status, asked.tracking_id, asked.body) if one is not None]
    if len(given) != 1:
        raise Invalid([Fault("status", "must be the only one of status, tracking_id and body")])
    if asked.status is not None:
        if asked.status not in list(SELECTABLE):
            raise Invalid([Fault("status", f"must be one of {', '.join(SELECTABLE)}")])
        return _Prepared(asked.status)
    if asked.body is not None:
        return _of_body(asked.body)
    row = await trackings.find(context, actor, trackings.read_id(asked.tracking_id or ""))
    if row.state.status not in SELECTABLE:
        raise Invalid([Fault("tracking_id", "is a parcel that is pending, for which no webhook is ever sent")])
    state = await pack_beside_others(row.state)
    return _Prepared(row.state.status, CustomPayload(row.state.tracking_number, state=state))


def _of_body(given: dict[str, Any]) -> _Prepared:
    """Return an edited body as it is sent, on one line in ASCII; the signature inside is made when it is sent."""
    kept = {name: value for name, value in given.items() if name not in _SIGNATURES}
    body = json.dumps(kept, separators=(",", ":")).encode()
    if not kept or len(body) > LONGEST_BODY:
        raise Invalid([Fault("body", f"must be an object with members, of at most {LONGEST_BODY >> 10} KiB")])
    data = kept.get("data")
    number = data.get("tracking_number") if isinstance(data, dict) else None
    shown = number[:LONGEST_NUMBER] if isinstance(number, str) and number.isprintable() else None
    return _Prepared(Status.DELIVERED, CustomPayload(shown, body=body))


async def _sent(context: Context, account: UUID, endpoint: UUID, asked: _Prepared) -> DeliveryRow:
    random = secrets.randbits(62), secrets.randbits(62)
    async with context.database.serving.acquire() as session, transaction(session):
        delivery = await queue.add_test(
            session, account, endpoint, sample=asked.status, random=random, payload=asked.payload
        )
    if delivery is None:
        raise NotFound
    context.hint_by_hand()

    async def look() -> DeliveryRow:
        async with context.database.serving.acquire() as session:
            return present(await deliveries.find(session, account, delivery))  # or it was deleted concurrently

    return await until_ended(look, lambda row: row.state is not None, seconds=context.test_seconds)
