"""Merging the scans of a parcel with those of a report, within limits.

The result depends on the set of reports only, not on their order, split or repetition. The latest report of each scan
is kept. If some reports of a scan have an offset and others have none, the latest one without an offset is kept as
well: it belongs to the earliest instant that any report names, and a report with an earlier instant may still arrive.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from waypost.domain.checkpoints import Basis, Checkpoint, Identity, identity, in_order, precedes, shows_the_same
from waypost.domain.journeys import deciding, order
from waypost.domain.readings import same_reading, says_the_same, take_reading, with_reading

MOST_SCANS: Final = 500
MOST_DECIDING: Final = 12
MOST_BYTES: Final = 256 * 1024
"""The maximum size of a parcel's state as JSON, in bytes."""


class Bounds(msgspec.Struct, frozen=True):
    """How many scans are kept, and how many bytes they may take as JSON: the first ones, and the newest.

    Each group has its own limit, so that which scans are kept does not depend on the order of reports. Scans that
    decide the status, at most ``MOST_DECIDING``, are kept in addition.
    """

    first: int = 20
    newest: int = MOST_SCANS - MOST_DECIDING - 20
    first_bytes: int = 24 * 1024
    newest_bytes: int = 176 * 1024
    never_too_large: int = 8
    """This many scans with the longest texts that intake accepts fit."""


BOUNDS: Final = Bounds()

_ENCODER: Final = msgspec.json.Encoder()
# Python 3.11 looks up a member of an enumeration fifteen times as slowly as a name of the module.
_REPORTER: Final = Basis.REPORTER
_Reports = dict[int | None, Checkpoint]
"""The latest report of a scan for each offset, None for reports without one."""


class Merged(msgspec.Struct, frozen=True, gc=False):
    """The scans of a parcel after a report, oldest first, and what changed.

    ``unplaced`` are reports that no payload shows but that later reports may bring out. ``news`` are the scans that
    were not known; ``is_shown`` says whether payloads show anything different, ``is_reread`` whether a reading has a
    different basis. ``left_out`` counts the scans that the limits left out.
    """

    scans: tuple[Checkpoint, ...]
    unplaced: tuple[Checkpoint, ...] = ()
    news: tuple[Checkpoint, ...] = ()
    is_shown: bool = False
    is_reread: bool = False
    left_out: int = 0


def merge(
    known: tuple[Checkpoint, ...],
    unplaced: tuple[Checkpoint, ...],
    reported: Sequence[Checkpoint],
    *,
    room: int = MOST_BYTES,
    bounds: Bounds = BOUNDS,
) -> Merged:
    """Merge the scans of a parcel, oldest first, with those of a report. A report never deletes a scan by omitting it.

    ``room`` is how many bytes all scans may take as JSON, regardless of the other limits.
    """
    if not reported:
        return Merged(known, unplaced)
    simple, others = _apart(known, unplaced, reported)
    united, waiting, news, is_reread = _united(known, unplaced, others)
    for held, report in simple:
        is_newer = held is None or held.observed_at < report.observed_at
        scan = report if is_newer and report.basis is _REPORTER else _latest(held, report)
        united.append(scan)
        if held is None:
            news.append(scan)
        elif scan is not held:
            is_reread = is_reread or not same_reading(scan, held)
    handled = {report.checkpoint_date for report in reported}
    united += [scan for scan in known if scan.checkpoint_date not in handled]
    scans = tuple(bounded(in_order(united), waiting, room=room, bounds=bounds))
    if len(scans) < len(united):
        kept = {id(scan) for scan in scans}
        news = [scan for scan in news if id(scan) in kept]
    return Merged(
        scans=scans,
        unplaced=tuple(_of(waiting, scans)),
        news=tuple(news),
        is_shown=_is_shown(known, scans),
        is_reread=is_reread,
        left_out=len(united) - len(scans),
    )


def reread(known: tuple[Checkpoint, ...], unplaced: tuple[Checkpoint, ...], reports: Iterable[Checkpoint]) -> Merged:
    """Return the scans of a parcel with the readings of these, which were reread from its known scans."""
    reread = {(identity(one), one.offset_minutes): one for one in reports}
    scans = tuple(in_order([_as_read(scan, reread.get((identity(scan), scan.offset_minutes))) for scan in known]))
    behind = tuple([_as_read(one, reread.get((identity(one), one.offset_minutes))) for one in unplaced])
    return Merged(scans, behind, is_shown=_differ(known, scans), is_reread=True)


def _as_read(scan: Checkpoint, reread: Checkpoint | None) -> Checkpoint:
    """Return a scan as it was reread; a scan whose source has reported something different meanwhile is unchanged."""
    return scan if reread is None or not says_the_same(scan, reread) else take_reading(scan, reread)


def _united(
    known: Iterable[Checkpoint], unplaced: Iterable[Checkpoint], reported: Sequence[Checkpoint]
) -> tuple[list[Checkpoint], list[Checkpoint], list[Checkpoint], bool]:
    """Return the scans of the reported dates, all unplaced reports, the new scans, and whether a reading changed."""
    if not reported:
        return [], list(unplaced), [], False
    dates = {scan.checkpoint_date for scan in reported}
    groups = _group(known, dates)
    before = {key: list(group.values()) for key, group in groups.items()}
    _recall(groups, unplaced, dates)
    for scan in reported:
        _take(groups.setdefault(identity(scan), {}), scan)
    united: list[Checkpoint] = []
    waiting = [scan for scan in unplaced if scan.checkpoint_date not in dates]
    news: list[Checkpoint] = []
    is_reread = False
    for key, group in groups.items():
        placed, behind = _place(group)
        united += placed
        waiting += behind
        were = before.get(key, [])
        if grown := len(placed) - len(were):
            offsets = {scan.offset_minutes for scan in were}
            news += [scan for scan in placed if scan.offset_minutes not in offsets][-grown:]
        is_reread = is_reread or (bool(were) and not all(_has_reading_of(scan, were) for scan in placed))
    return united, waiting, news, is_reread


def _apart(
    known: Iterable[Checkpoint], unplaced: Iterable[Checkpoint], reported: Sequence[Checkpoint]
) -> tuple[list[tuple[Checkpoint | None, Checkpoint]], list[Checkpoint]]:
    """Return the reports that are simple, each with the scan that is known of it, and all others.

    A simple one is the only report of its date, and no scan is known of that date, or exactly one that is spelled alike
    with the same offset. So its group is the two of them, which need not be looked for by their identity.
    """
    of_date: dict[str, Checkpoint | None] = {}
    for scan in known:
        of_date[scan.checkpoint_date] = None if scan.checkpoint_date in of_date else scan
    crowded = {scan.checkpoint_date for scan in unplaced}
    seen: set[str] = set()
    for scan in reported:
        (crowded if scan.checkpoint_date in seen else seen).add(scan.checkpoint_date)
    simple: list[tuple[Checkpoint | None, Checkpoint]] = []
    others = []
    for scan in reported:
        held = of_date.get(scan.checkpoint_date)
        is_new = held is None and scan.checkpoint_date not in of_date
        if scan.checkpoint_date not in crowded and (is_new or (held is not None and _is_repeated(held, scan))):
            simple.append((held, scan))
        else:
            others.append(scan)
    return simple, others


def _is_repeated(known: Checkpoint, reported: Checkpoint) -> bool:
    """Return whether a scan of the same date is spelled as it was."""
    return (
        known.tracking_detail == reported.tracking_detail
        and known.location == reported.location
        and known.offset_minutes == reported.offset_minutes
    )


def _group(scans: Iterable[Checkpoint], dates: set[str]) -> dict[Identity, _Reports]:
    groups: dict[Identity, _Reports] = {}
    for scan in scans:
        if scan.checkpoint_date in dates:
            groups.setdefault(identity(scan), {})[scan.offset_minutes] = scan
    return groups


def _recall(groups: dict[Identity, _Reports], unplaced: Iterable[Checkpoint], dates: set[str]) -> None:
    """Put the reports behind the shown scans into their groups: shown scans are derived from these reports."""
    for report in unplaced:
        if report.checkpoint_date in dates and (group := groups.get(identity(report))) is not None:
            group[report.offset_minutes] = report


def _take(group: _Reports, reported: Checkpoint) -> None:
    """Add a report of a scan."""
    held = group.get(reported.offset_minutes)
    group[reported.offset_minutes] = _latest(held, reported, None if held else next(iter(group.values()), None))


def _latest(held: Checkpoint | None, reported: Checkpoint, other: Checkpoint | None = None) -> Checkpoint:
    """Return the later of two reports of a scan with the same offset, with its reading.

    It is read only if it is not already superseded; ``other`` is a report with another offset, which may be read.
    """
    if held is not None and held.observed_at > reported.observed_at:
        return held
    scan = with_reading(reported, held or other)
    return scan if held is None or precedes(held, scan) else held


def _place(group: _Reports) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Return the scans that reports result in, and the reports behind them that must be remembered."""
    loose = group.get(None)
    if loose is None or len(group) == 1:
        return list(group.values()), []
    offset = max([offset for offset in group if offset is not None])  # the earliest instant
    others = [report for at, report in group.items() if at not in (None, offset)]
    placed = msgspec.structs.replace(loose, offset_minutes=offset)
    if msgspec.structs.replace(placed, observed_at=group[offset].observed_at) != group[offset] and precedes(
        group[offset], placed
    ):
        return [placed, *others], [loose, group[offset]]
    return [group[offset], *others], [loose]


def _has_reading_of(scan: Checkpoint, were: Iterable[Checkpoint]) -> bool:
    return any(same_reading(scan, one) for one in were)


def _of(reports: list[Checkpoint], scans: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Return the reports behind these scans."""
    if not reports:
        return []
    known = {identity(scan) for scan in scans}
    return sorted([report for report in reports if identity(report) in known], key=order)


def _is_shown(known: tuple[Checkpoint, ...], scans: tuple[Checkpoint, ...]) -> bool:
    """Return whether payloads show anything different.

    An earlier version may have stored the scans in another order, which alone is not news.
    """
    if len(known) != len(scans):
        return True
    return _differ(known, scans) and _differ(in_order(list(known)), scans)


def _differ(before: Sequence[Checkpoint], after: Sequence[Checkpoint]) -> bool:
    """Return whether payloads show different scans, or show them in a different order."""
    return len(before) != len(after) or any(
        one is not other and not shows_the_same(one, other) for one, other in zip(before, after, strict=True)
    )


def bounded(
    scans: list[Checkpoint],
    unplaced: Sequence[Checkpoint] = (),
    *,
    room: int = MOST_BYTES,
    bounds: Bounds = BOUNDS,
) -> list[Checkpoint]:
    """Return the scans that a parcel keeps, in their order: the first, the newest, and those that decide its status."""
    if len(scans) <= bounds.never_too_large and not unplaced:
        return scans
    room -= len(_ENCODER.encode(unplaced)) if unplaced else 0
    if len(scans) <= bounds.newest and len(_ENCODER.encode(scans)) <= min(bounds.newest_bytes, room):
        return scans
    by_wall_time = sorted(scans, key=order)
    kept = _fitting(deciding(by_wall_time), room)
    kept |= _fitting(by_wall_time[: bounds.first], min(bounds.first_bytes, room - sum(kept.values())))
    kept |= _fitting(by_wall_time[: -bounds.newest - 1 : -1], min(bounds.newest_bytes, room - sum(kept.values())))
    return [scan for scan in scans if id(scan) in kept]


def _fitting(scans: Iterable[Checkpoint], room: int) -> dict[int, int]:
    """Return the leading scans that fit into ``room`` bytes: their sizes by their ``id()``."""
    found: dict[int, int] = {}
    for scan in scans:
        size = len(_ENCODER.encode(scan)) + 1
        room -= size
        if room < 0:
            break
        found[id(scan)] = size
    return found
