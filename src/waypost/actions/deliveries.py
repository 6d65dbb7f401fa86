"""Actions on deliveries, for the API v1 and the pages.

Each raises NotFound for a delivery that is not the account's, and Conflict if its state does not allow the action.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.attempts import Attempt, show_attempt
from waypost.actions.context import Context
from waypost.actions.lists import Listed, Page, listed
from waypost.actions.refusals import Conflict, Fault, Invalid, present
from waypost.domain import ids
from waypost.domain.bulk_actions import is_bulk_action
from waypost.domain.deliveries import Settled, Waiting, waiting_state
from waypost.domain.errors import InvalidInput
from waypost.domain.ids import FIRST, LAST
from waypost.domain.statuses import SELECTABLE, Status
from waypost.domain.times import read_rfc3339, rfc3339, rfc3339_or_none
from waypost.domain.tracking_numbers import normalise_number
from waypost.domain.trackings import TrackingState
from waypost.payloads.samples import sample_state
from waypost.store import deliveries, delivery_changes, endpoints, tracking_changes
from waypost.store.deliveries import DeliveryRow, Wanted
from waypost.store.delivery_changes import Cancelled
from waypost.store.statements import Session, transaction
from waypost.store.states import unpack

PARCEL_DELETED: Final = "The parcel was deleted, so its events can no longer be sent."

EXAMINED: Final = 1_000
"""Deliveries examined for a page filtered by status. The page may be short; its cursor continues after them."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as v1 represents it."""

    id: str
    endpoint_id: str
    event_id: str
    tracking_id: str
    tracking_number: str | None
    courier_code: str | None
    sequence: int
    status: str | None
    substatus: str | None
    state: str
    reason: str | None
    blocked_by: str | None
    test: bool
    resend_of: str | None
    recovery_id: str | None
    attempt_count: int
    next_attempt_at: str | None
    created_at: str
    settled_at: str | None


class DeliveryWithAttempts(Delivery, frozen=True, kw_only=True):
    """A delivery with its attempts, oldest first, as v1 represents it."""

    attempts: list[Attempt]


def read_id(text: str) -> UUID:
    """Return the delivery id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text(ids.DELIVERY, text))


async def find(context: Context, actor: Actor, delivery: UUID) -> DeliveryRow:
    """Return the delivery."""
    async with context.database.serving.acquire() as session:
        return await _there(session, actor.account, delivery)


async def find_page(context: Context, actor: Actor, wanted: Wanted, status: str | None, page: Page) -> Listed[Delivery]:
    """Return a page of deliveries. A page filtered by status examines a bounded number, so it can be short."""
    async with context.database.serving.acquire() as session:
        rows = await deliveries.newest(session, actor.account, wanted, page.limit + 1 if status is None else EXAMINED)
    if status is None:
        return listed(rows, page, _cursor, show)
    shown = listed([row for row in rows if status in (row.status, row.sample)], page, _cursor, show)
    if shown.next_cursor is None and len(rows) == EXAMINED:
        shown = msgspec.structs.replace(shown, next_cursor=_cursor(rows[-1]))
    return shown


async def resend(context: Context, actor: Actor, delivery: UUID) -> DeliveryRow:
    """Resend a delivery's event, whatever its state, and return the new delivery.

    The new delivery is outside the parcel's order and is retried like any other. Raise Conflict if the parcel was
    deleted.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        row = await _there(session, actor.account, delivery)
        if row.sample is not None:
            raise Conflict("test_delivery", "Tests can't be resent. Send another test instead.")
        if row.packed is None:
            raise Conflict("event_gone", "The event is past the retention period.")
        if await tracking_changes.lock_tracking(session, actor.account, row.tracking) is None:
            raise Conflict("tracking_deleted", PARCEL_DELETED)
        again = await delivery_changes.insert_resend(session, actor.account, row, random=secrets.randbits(62))
        if again is None:
            if await endpoints.find(session, actor.account, row.endpoint) is None:
                raise Conflict("endpoint_deleted", "The endpoint was deleted.")
            raise Conflict("endpoint_off", "The endpoint is disabled. Enable it first.")
        made = await _there(session, actor.account, again)
    context.hint_by_hand()
    return made


async def cancel(context: Context, actor: Actor, delivery: UUID) -> tuple[DeliveryRow, bool]:
    """Cancel a delivery and return it with True, or with False if an attempt is in flight, which decides its state."""
    async with context.database.engine.acquire() as session:
        while True:
            row = await _there(session, actor.account, delivery)
            if row.state is not None:
                raise Conflict("already_settled", f"The delivery has already ended ({row.state}).")
            outcome, freed = await delivery_changes.cancel_delivery(session, row)
            if outcome is not Cancelled.NOT_THERE:
                context.hint(freed)
                return await _there(session, actor.account, delivery), outcome is Cancelled.AT_ONCE


async def _there(session: Session, account: UUID, delivery: UUID) -> DeliveryRow:
    return present(await deliveries.find(session, account, delivery))


async def show_with_attempts(context: Context, row: DeliveryRow) -> DeliveryWithAttempts:
    """Return a delivery with its attempts as v1 represents them."""
    async with context.database.serving.acquire() as session:
        kept = await deliveries.attempts(session, row.id)
    attempts = [show_attempt(place, one, row) for place, one in enumerate(kept, start=1)]
    return DeliveryWithAttempts(**msgspec.structs.asdict(show(row)), attempts=attempts)


def show(row: DeliveryRow) -> Delivery:
    """Return a delivery as v1 represents it. A test has the parcel of its sample, which is not registered."""
    sample = _test_state(row)
    waits = row.state is None and not row.blocked
    return Delivery(
        id=ids.to_text(ids.DELIVERY, row.id),
        endpoint_id=ids.to_text(ids.ENDPOINT, row.endpoint),
        event_id=ids.to_text(ids.EVENT, row.event),
        tracking_id=sample.id if sample else row.tracking.hex,
        tracking_number=row.tracking_number or (sample.tracking_number if sample else None),
        courier_code=sample.courier_code if sample else row.courier_code,
        sequence=row.sequence,
        status=sample.status if sample else row.status,
        substatus=sample.substatus if sample else row.substatus,
        state=row.state or waiting_state(blocked=row.blocked, tries=row.tries),
        reason=row.reason,
        blocked_by=_text(ids.DELIVERY, row.blocked_by),
        test=row.sample is not None,
        resend_of=_text(ids.DELIVERY, row.resend_of),
        recovery_id=None if is_resent_in_bulk(row) else _text(ids.RECOVERY, row.recovery),
        attempt_count=row.tries,
        next_attempt_at=rfc3339_or_none(row.next_at if waits else None),
        created_at=rfc3339(datetime.fromtimestamp(ids.made_at(row.id) / 1000, UTC)),
        settled_at=rfc3339_or_none(row.settled_at),
    )


def _test_state(row: DeliveryRow) -> TrackingState | None:
    """Return the parcel that a test shows: its own if the row has its state, otherwise that of the sample."""
    if row.sample is None:
        return None
    return sample_state(Status(row.sample)) if row.packed is None else unpack(row.packed)


def is_resent_in_bulk(row: DeliveryRow) -> bool:
    """Return whether a delivery was resent with all others that matched a filter."""
    return row.recovery is not None and is_bulk_action(row.recovery)


def _text(prefix: str, identifier: UUID | None) -> str | None:
    return None if identifier is None else ids.to_text(prefix, identifier)


def _cursor(row: DeliveryRow) -> str:
    return ids.to_text(ids.DELIVERY, row.id)


def read_delivery_filters(query: Mapping[str, str], page: Page) -> tuple[Wanted, str | None]:
    """Return the filters of a list of deliveries; ``find_page`` applies the status. Raise Invalid with all errors."""
    faults: list[Fault] = []
    endpoint = number = None
    if "endpoint" in query and (endpoint := ids.from_text(ids.ENDPOINT, query["endpoint"])) is None:
        faults.append(Fault("endpoint", "must be an endpoint id"))
    if "tracking_number" in query:
        try:
            number = normalise_number(query["tracking_number"])
        except InvalidInput as error:
            faults.append(Fault("tracking_number", error.message))
    state = _one_of(query, "state", [*Waiting, *Settled], faults)
    status = _one_of(query, "status", SELECTABLE, faults)
    test = _one_of(query, "test", ("true", "false"), faults)
    since, until = _time(query, "since", faults), _time(query, "until", faults)
    if faults:
        raise Invalid(faults)
    before = min(bound for bound in (page.before, until, LAST) if bound is not None)
    wants_tests = None if test is None else test == "true"
    return Wanted(since or FIRST, before, endpoint, number, state, wants_tests), status


def _one_of(query: Mapping[str, str], name: str, allowed: Any, faults: list[Fault]) -> str | None:
    text = query.get(name)
    if text is not None and text not in list(allowed):
        faults.append(Fault(name, f"must be one of {', '.join(allowed)}"))
    return text


def _time(query: Mapping[str, str], name: str, faults: list[Fault]) -> UUID | None:
    """Return the smallest id of a time."""
    if name not in query:
        return None
    at = read_rfc3339(query[name])
    if at is None or at.timestamp() < 0:
        faults.append(Fault(name, "must be a time such as 2026-03-04T13:20:00Z"))
        return None
    return ids.first_at(at)
