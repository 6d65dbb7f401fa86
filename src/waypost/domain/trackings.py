"""A tracking's whole state, and how an update changes it.

``apply`` is the only way a state changes. It is pure: the same updates in any order, and any number of times, end in
the same checkpoints, facts and status.
"""

from enum import StrEnum
from typing import Final

import msgspec

from waypost.domain import checkpoints, facts
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import Fact
from waypost.domain.statuses import AFTER_DELIVERED, Status, default_substatus

DAY_MS: Final = 86_400_000
EXPIRES_AFTER_MS: Final = 30 * DAY_MS
"""A tracking expires when it had no news for this long."""


class Source(StrEnum):
    """Who brought an update."""

    POLL = "poll"
    PUSH = "push"
    API = "api"
    EXPIRY = "expiry"


class TrackingState(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is known of one parcel. Times are Unix milliseconds; ``checkpoints`` are oldest first."""

    id: str
    tracking_number: str
    courier_code: str
    created_at: int
    updated_at: int
    status: Status = Status.PENDING
    substatus: str = "pending001"
    checkpoints: tuple[Checkpoint, ...] = ()
    facts: dict[str, Fact] = {}
    unknown_number: bool = False
    expired: bool = False
    archived: bool = False
    source: str = "API"
    restarted_at: int = 0
    """Registration or the last retrack, whichever is later."""
    news_at: int = 0
    """When the last new checkpoint arrived; 0 for never."""


class Update(msgspec.Struct, frozen=True):
    """What intake receives about one tracking: normalised checkpoints and facts.

    ``unknown_number`` says that the carrier does not know the number. ``restarts`` begins an expired one anew; nothing
    happens to another. ``observed_at`` (Unix milliseconds) is when the source said so; None means at its arrival.
    """

    source: Source
    checkpoints: tuple[Checkpoint, ...] = ()
    facts: dict[str, str] = {}
    unknown_number: bool = False
    expires: bool = False
    restarts: bool = False
    observed_at: int | None = None


class Edit(msgspec.Struct, frozen=True):
    """What a shop corrects of its parcel: facts by name, and where they are not None courier and archive."""

    facts: dict[str, str] = {}
    courier_code: str | None = None
    archived: bool | None = None


class Applied(msgspec.Struct, frozen=True):
    """What an update came to: the state after it, whether anything shown of it changed, whether it is an event."""

    state: TrackingState
    changed: bool
    eventful: bool


def register(
    identifier: str, tracking_number: str, courier_code: str, given: dict[str, str], now: int, *, source: str = "API"
) -> TrackingState:
    """Give the state of a parcel that is registered now (Unix milliseconds) with the facts its shop gave.

    ``source`` is the way in: ``API``, or ``WEB`` for pages and files.
    """
    return TrackingState(
        id=identifier,
        tracking_number=tracking_number,
        courier_code=courier_code,
        created_at=now,
        updated_at=now,
        restarted_at=now,
        source=source,
        facts={name: Fact(text, now) for name, text in given.items()},
    )


def apply(state: TrackingState, update: Update, now: int) -> Applied:
    """Give the state after an update that arrives now (Unix milliseconds)."""
    if update.restarts and state.status is not Status.EXPIRED:
        return Applied(state, changed=False, eventful=False)
    observed_at = now if update.observed_at is None else update.observed_at
    reported = tuple(
        checkpoint if checkpoint.observed_at else msgspec.structs.replace(checkpoint, observed_at=observed_at)
        for checkpoint in update.checkpoints
    )
    united = checkpoints.merge(state.checkpoints, reported)
    facts_now = facts.merge(state.facts, {name: Fact(text, observed_at) for name, text in update.facts.items()})
    scans_changed = _visible(united) != _visible(state.checkpoints)
    news = len(united) > len(state.checkpoints)
    expired = (state.expired or update.expires) and not (news or update.restarts)
    unknown = (state.unknown_number or update.unknown_number) and not united
    status, substatus = _status(united, unknown=unknown, expired=expired)
    facts_changed = _texts(facts_now) != _texts(state.facts)
    eventful = (
        scans_changed
        or (status, substatus) != (state.status, state.substatus)
        or any(_text(facts_now, name) != _text(state.facts, name) for name in facts.EVENTFUL)
    )
    changed = eventful or facts_changed or update.restarts
    after = msgspec.structs.replace(
        state,
        checkpoints=united,
        facts=facts_now,
        status=status,
        substatus=substatus,
        expired=expired,
        unknown_number=unknown,
        updated_at=now if changed else state.updated_at,
        news_at=now if news else state.news_at,
        restarted_at=now if update.restarts else state.restarted_at,
    )
    return Applied(after, changed=changed, eventful=eventful)


def edit(state: TrackingState, edited: Edit, now: int) -> TrackingState:
    """Give the state after its shop corrected it now (Unix milliseconds): its scans, and so its status, stay.

    It is no news of the parcel, so it is no event: the next one carries it.
    """
    changed = {name: Fact(text, now) for name, text in edited.facts.items() if text != _text(state.facts, name)}
    after = msgspec.structs.replace(
        state,
        facts=state.facts | changed,
        courier_code=state.courier_code if edited.courier_code is None else edited.courier_code,
        archived=state.archived if edited.archived is None else edited.archived,
    )
    return state if after == state else msgspec.structs.replace(after, updated_at=now)


def is_due_to_expire(state: TrackingState, now: int) -> bool:
    """Tell whether a tracking had no news for 30 days and is neither delivered, returned, archived nor expired already.

    Counts from the later of registration, retrack and the arrival of the last new checkpoint (DESIGN.md, Events).
    """
    if state.archived or state.status in (Status.DELIVERED, Status.EXPIRED) or state.substatus == "exception010":
        return False
    return now - max(state.restarted_at, state.news_at) >= EXPIRES_AFTER_MS


def _status(scans: tuple[Checkpoint, ...], *, unknown: bool, expired: bool) -> tuple[Status, str]:
    """Read the status off the whole list: the newest scan's, but only a return changes `delivered`.

    A scan whose meaning is not known keeps the status before it.
    """
    if expired:
        return Status.EXPIRED, "expired001"
    status, substatus = (Status.NOTFOUND, "notfound002") if unknown else (Status.PENDING, "pending001")
    for scan in scans:
        if scan.checkpoint_delivery_status is None:
            continue
        finer = scan.checkpoint_delivery_substatus or default_substatus(scan.checkpoint_delivery_status)
        if status is Status.DELIVERED and finer not in AFTER_DELIVERED and finer[:-3] != Status.DELIVERED:
            continue
        status, substatus = scan.checkpoint_delivery_status, finer
    return status, substatus


def _visible(scans: tuple[Checkpoint, ...]) -> list[tuple[object, ...]]:
    return [checkpoints.content(scan) for scan in scans]


def _texts(known: dict[str, Fact]) -> dict[str, str]:
    return {name: fact.text for name, fact in known.items()}


def _text(known: dict[str, Fact], name: str) -> str | None:
    fact = known.get(name)
    return None if fact is None else fact.text
