"""What the public tracking page shows of a parcel, in one language. Pure; the route is the customer's only data."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import delivery_window
from waypost.domain.statuses import Status
from waypost.domain.texts import without_overrides
from waypost.domain.trackings import TrackingState
from waypost.portal.track.privacy import Privacy
from waypost.portal.track.texts import Texts
from waypost.turns import Turn

MOST_ENTRIES: Final = 100
LONGEST_DETAIL: Final = 300
STEPS: Final = ("inforeceived", "transit", "pickup", "delivered")
TROUBLE: Final = frozenset({Status.UNDELIVERED, Status.EXCEPTION, Status.EXPIRED})
COLLECTION: Final = "pickup002"

_STEP_OF: Final = {
    Status.INFORECEIVED: 0,
    Status.TRANSIT: 1,
    Status.PICKUP: 2,
    Status.UNDELIVERED: 2,
    Status.DELIVERED: 3,
}
_LONGEST_READ: Final = 2 * LONGEST_DETAIL


class JourneyStep(msgspec.Struct, frozen=True):
    """One step of the journey on the tracking page; ``place`` is ``done``, ``now`` or ``ahead``."""

    key: str
    label: str
    place: str


class ShownScan(msgspec.Struct, frozen=True):
    """One scan on the tracking page: its local time, its meaning, the carrier's text and the location."""

    at: str
    time: str
    title: str
    detail: str
    where: str


class Day(msgspec.Struct, frozen=True):
    """The scans of one day on the tracking page, newest first."""

    heading: str
    entries: list[ShownScan]


class TrackView(msgspec.Struct, frozen=True):
    """Everything that the tracking page shows."""

    status: Status
    headline: str
    meaning: str
    trouble: bool
    tracking_number: str
    courier_code: str
    origin: str
    destination: str
    expected: str
    steps: list[JourneyStep]
    days: list[Day]
    cut: bool


def parcel_view(state: TrackingState, texts: Texts) -> TrackView:
    """Return what the tracking page of a parcel shows."""
    privacy = Privacy(state)
    return _view(state, texts, [_entry(scan, texts, privacy) for scan in _newest(state)])


async def parcel_view_in_turns(state: TrackingState, texts: Texts, turn: Turn) -> TrackView:
    """Return what ``parcel_view`` returns, entry by entry: customers choose the words that are looked for in each."""
    privacy, entries = Privacy(state), []
    for scan in _newest(state):
        await turn.pause()
        entries.append(_entry(scan, texts, privacy))
    await turn.pause()
    return _view(state, texts, entries)


def _newest(state: TrackingState) -> list[Checkpoint]:
    return list(reversed(state.checkpoints))[:MOST_ENTRIES]


def _view(state: TrackingState, texts: Texts, entries: Sequence[ShownScan]) -> TrackView:
    headline = texts.statuses[state.status]
    meaning = texts.substatuses.get(state.substatus, headline)
    return TrackView(
        status=state.status,
        headline=headline,
        meaning="" if meaning == headline else meaning,
        trouble=state.status in TROUBLE,
        tracking_number=state.tracking_number,
        courier_code=state.courier_code,
        origin=_place(_fact(state, "origin_city"), _fact(state, "origin_country")),
        destination=_place(_fact(state, "destination_city"), _fact(state, "destination_country")),
        expected=_expected(state, texts),
        steps=steps(state, texts),
        days=_days(entries, texts),
        cut=len(state.checkpoints) > MOST_ENTRIES,
    )


def steps(state: TrackingState, texts: Texts) -> list[JourneyStep]:
    """Return the steps and the parcel's progress; an exception does not undo a step that was reached."""
    seen = [state.status, *(scan.checkpoint_delivery_status for scan in state.checkpoints)]
    furthest = max(-1 if status is None else _STEP_OF.get(status, -1) for status in seen)
    if state.status is not Status.DELIVERED:
        furthest = min(furthest, STEPS.index("delivered") - 1)
    collected = any(scan.checkpoint_delivery_substatus == COLLECTION for scan in state.checkpoints)
    labels = [texts.steps["collection" if key == "pickup" and collected else key] for key in STEPS]
    is_over = state.status is Status.DELIVERED
    return [
        JourneyStep(key, label, "done" if place < furthest or is_over else "now" if place == furthest else "ahead")
        for place, (key, label) in enumerate(zip(STEPS, labels, strict=True))
    ]


def _days(entries: Sequence[ShownScan], texts: Texts) -> list[Day]:
    by_day = groupby(entries, key=lambda entry: entry.at[:10])
    return [Day(texts.say_day(date.fromisoformat(day)), list(found)) for day, found in by_day]


def _entry(scan: Checkpoint, texts: Texts, privacy: Privacy) -> ShownScan:
    told = privacy.hide(" ".join(without_overrides(scan.tracking_detail[:_LONGEST_READ]).split()))
    told = told[:LONGEST_DETAIL] + "…" * (len(told) > LONGEST_DETAIL)
    title = _title(scan, texts)
    where = scan.location or _place(scan.city, scan.state, scan.country_iso2)
    return ShownScan(
        at=scan.checkpoint_date,
        time=datetime.fromisoformat(scan.checkpoint_date).strftime("%H:%M"),
        title=title or told,
        detail=told if title and told.casefold() != title.casefold() else "",
        where=privacy.hide(without_overrides(where[:_LONGEST_READ])),
    )


def _title(scan: Checkpoint, texts: Texts) -> str:
    status = scan.checkpoint_delivery_status
    known = texts.substatuses.get(scan.checkpoint_delivery_substatus or "")
    return known or ("" if status is None else texts.statuses[status])


def _expected(state: TrackingState, texts: Texts) -> str:
    """Return the scheduled day, with its window if there is one: times are written alike in all our languages."""
    text = _fact(state, "scheduled_delivery_date")
    try:
        day = texts.say_day(date.fromisoformat(text[:10]))
    except ValueError:
        return text
    window = delivery_window(state.facts)
    return day if window is None else f"{day}, {window[0]}\N{EN DASH}{window[1]}"


def _place(*parts: str | None) -> str:
    return ", ".join(_known(parts))


def _known(parts: Iterable[str | None]) -> Iterable[str]:
    return (part for part in parts if part)


def _fact(state: TrackingState, name: str) -> str:
    fact = state.facts.get(name)
    return "" if fact is None else fact.text
