"""A tracking's whole state, and how an update changes it.

A state changes only through ``apply``, which is pure: the same updates in any order, and any number of times, result in
the same checkpoints, facts and status.
"""

from enum import StrEnum
from typing import Final

import msgspec

from waypost.domain import facts
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import Fact
from waypost.domain.journeys import follow
from waypost.domain.merging import MOST_BYTES, MOST_SCANS, Merged, bounded, merge, reread
from waypost.domain.readings import as_written_before, is_unread
from waypost.domain.statuses import Status, default_substatus

DAY_MS: Final = 86_400_000
EXPIRES_AFTER_MS: Final = 30 * DAY_MS
"""A tracking expires after this long without news."""

_BYTES_BESIDE: Final = 1024
"""The maximum bytes that a state takes besides its scans and facts."""


class Source(StrEnum):
    """The way in of an update: a poll, a push, or the API."""

    POLL = "poll"
    PUSH = "push"
    API = "api"
    EXPIRY = "expiry"


class TrackingState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """All that is known of one parcel. Times are Unix milliseconds; ``checkpoints`` are oldest first.

    ``unplaced`` are reports that no payload shows but that later reports may bring out (see ``merging``).
    """

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
    unplaced: tuple[Checkpoint, ...] = ()
    reported: int = 0
    """The number of checkpoints in the last report if the limits left some out; 0 if none."""
    auto_correct: bool = False
    """Whether the courier code is replaced once another courier turns out to have the parcel."""
    corrected_from: str = ""
    """The courier code that was replaced last; empty if none was."""


class SkipReason(StrEnum):
    """Why a scan of a carrier's answer could not be accepted."""

    TIME = "time"
    TEXT = "text"
    TYPE = "type"


class Skipped(msgspec.Struct, frozen=True):
    """A scan that was skipped because its time, text or type could not be read; ``field`` is its place."""

    field: str
    reason: SkipReason


class Update(msgspec.Struct, frozen=True, gc=False):
    """What intake receives about one tracking: normalised checkpoints and facts.

    ``unknown_number`` says that the carrier does not know the number. ``restarts`` restarts an expired tracking and
    leaves any other unchanged. ``observed_at`` (Unix milliseconds) is when the source reported it; None means on
    arrival.
    """

    source: Source
    checkpoints: tuple[Checkpoint, ...] = ()
    facts: dict[str, str] = {}
    unknown_number: bool = False
    expires: bool = False
    restarts: bool = False
    observed_at: int | None = None
    rereads: bool = False
    """Whether the checkpoints are known ones that were read again; unknown ones are left out."""
    skipped: tuple[Skipped, ...] = ()
    """The parts of a carrier's answer that could not be accepted."""


class Edit(msgspec.Struct, frozen=True):
    """A shop's corrections of its parcel: facts by name, and courier and archived state unless they are None."""

    facts: dict[str, str] = {}
    courier_code: str | None = None
    archived: bool | None = None


class Applied(msgspec.Struct, frozen=True, gc=False):
    """The result of an update: the new state, whether anything shown changed, and whether it is an event.

    ``unread`` are the new scans among its checkpoints that could not be read.
    """

    state: TrackingState
    changed: bool
    eventful: bool
    unread: tuple[Checkpoint, ...] = ()


def register(
    identifier: str,
    tracking_number: str,
    courier_code: str,
    given: dict[str, str],
    now: int,
    *,
    source: str = "API",
    auto_correct: bool = False,
) -> TrackingState:
    """Return the state of a parcel that is registered now (Unix milliseconds) with the facts its shop gave.

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
        auto_correct=auto_correct,
    )


def apply(state: TrackingState, update: Update, now: int) -> Applied:
    """Return the state after an update that arrives now (Unix milliseconds).

    An update without news is not an event, however it is spelled, and one that was already applied returns the same
    object.
    """
    if update.restarts and state.status is not Status.EXPIRED:
        return Applied(state, changed=False, eventful=False)
    observed_at = now if update.observed_at is None else update.observed_at
    merged = _merge(state, update, observed_at)
    facts_now = facts.merge(state.facts, {name: Fact(text, observed_at) for name, text in update.facts.items()})
    expired = (state.expired or update.expires) and not (merged.news or update.restarts)
    unknown = (state.unknown_number or update.unknown_number) and not merged.scans
    status, substatus = state.status, state.substatus
    # Only then: a new version with different rules for statuses changes no stored status.
    is_news = merged.is_shown or merged.is_reread or update.rereads
    if is_news or (expired, unknown) != (state.expired, state.unknown_number):
        status, substatus = _status(merged.scans, unknown=unknown, expired=expired)
    changed_facts = facts.changes(state.facts, facts_now)
    eventful = merged.is_shown or substatus != state.substatus or not changed_facts.isdisjoint(facts.EVENTFUL)
    changed = eventful or bool(changed_facts) or update.restarts
    after = msgspec.structs.replace(
        state,
        checkpoints=merged.scans,
        unplaced=merged.unplaced,
        reported=_reported(state, update, merged),
        facts=facts_now,
        status=status,
        substatus=substatus,
        expired=expired,
        unknown_number=unknown,
        updated_at=now if changed else state.updated_at,
        news_at=now if merged.news else state.news_at,
        restarted_at=now if update.restarts else state.restarted_at,
    )
    unread = tuple([scan for scan in merged.news if is_unread(scan)])
    return Applied(state if after == state else after, changed=changed, eventful=eventful, unread=unread)


def _merge(state: TrackingState, update: Update, observed_at: int) -> Merged:
    """Merge an update's scans with those of a state, which an earlier version may have written."""
    known = state.checkpoints
    if None in [scan.basis for scan in known]:
        known = tuple([as_written_before(scan) for scan in known])
    if len(known) > MOST_SCANS:
        known = tuple(bounded(list(known)))
    if not update.checkpoints:
        return Merged(known, state.unplaced)
    if update.rereads:
        return reread(known, state.unplaced, update.checkpoints)
    reported = [
        scan if scan.observed_at else msgspec.structs.replace(scan, observed_at=observed_at)
        for scan in update.checkpoints
    ]
    return merge(known, state.unplaced, reported, room=_room(state, update))


def _room(state: TrackingState, update: Update) -> int:
    """Return how many bytes are left for scans, whichever of the facts win in the end."""
    return MOST_BYTES - len(msgspec.json.encode(state.facts)) - len(msgspec.json.encode(update.facts)) - _BYTES_BESIDE


def _reported(state: TrackingState, update: Update, merged: Merged) -> int:
    if not update.checkpoints:
        return state.reported
    return len(update.checkpoints) if merged.left_out else 0


def edit(state: TrackingState, edited: Edit, now: int) -> TrackingState:
    """Return the state after its shop corrected it now (Unix milliseconds): its scans, and so its status, stay.

    A correction is not news of the parcel, so it makes no event; the next event carries it.
    """
    changed = {name: Fact(text, now) for name, text in edited.facts.items() if text != _text(state.facts, name)}
    after = msgspec.structs.replace(
        state,
        facts=state.facts | changed,
        courier_code=state.courier_code if edited.courier_code is None else edited.courier_code,
        corrected_from="" if edited.courier_code not in (None, state.courier_code) else state.corrected_from,
        archived=state.archived if edited.archived is None else edited.archived,
    )
    return state if after == state else msgspec.structs.replace(after, updated_at=now)


def correct(state: TrackingState, courier_code: str, now: int) -> TrackingState:
    """Return the state after another courier turned out now (Unix milliseconds) to have the parcel."""
    return msgspec.structs.replace(state, courier_code=courier_code, corrected_from=state.courier_code, updated_at=now)


def has_ended(state: TrackingState) -> bool:
    """Return whether a tracking is delivered, returned, expired or archived."""
    is_final = state.status in (Status.DELIVERED, Status.EXPIRED) or state.substatus == "exception010"
    return state.archived or is_final


def without_persons(state: TrackingState) -> TrackingState:
    """Return a state without the facts about persons; the same object if it has none.

    Neither is news of the parcel, so its times stay.
    """
    kept = {name: fact for name, fact in state.facts.items() if name not in facts.PERSONAL_FACTS}
    return state if len(kept) == len(state.facts) else msgspec.structs.replace(state, facts=kept)


def is_due_to_expire(state: TrackingState, now: int) -> bool:
    """Return whether a tracking has had no news for 30 days and is not delivered, returned, archived or expired.

    Counts from the later of registration, retrack and the arrival of the last new checkpoint.
    """
    if has_ended(state):
        return False
    return now - max(state.restarted_at, state.news_at) >= EXPIRES_AFTER_MS


def _status(scans: tuple[Checkpoint, ...], *, unknown: bool, expired: bool) -> tuple[Status, str]:
    if expired:
        return Status.EXPIRED, default_substatus(Status.EXPIRED)
    begins = Status.NOTFOUND if unknown else Status.PENDING
    return follow(scans, begins, default_substatus(begins))


def _text(known: dict[str, Fact], name: str) -> str | None:
    fact = known.get(name)
    return None if fact is None else fact.text
