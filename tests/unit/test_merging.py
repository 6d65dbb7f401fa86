"""The scans of a parcel: which reports describe one scan, what is new, and how many are kept."""

import itertools
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.journeys import follow
from waypost.domain.merging import BOUNDS, MOST_BYTES, MOST_SCANS, Bounds, Merged, merge
from waypost.domain.readings import Reading, read
from waypost.domain.statuses import SUBSTATUSES, Status


def report(
    at: str, observed_at: int = 1, detail: str = "Scanned", substatus: str = "transit001", **more: Any
) -> Checkpoint:
    day, _, offset = at.partition("+")
    wall_time = f"2026-10-25T{day}:00"
    scan = Checkpoint(
        wall_time, detail, observed_at=observed_at, offset_minutes=int(offset) if offset else None, **more
    )
    return read(scan, Reading(substatus, Basis.REPORTER))


def merged(*reports: Sequence[Checkpoint] | Checkpoint) -> Merged:
    found = Merged(())
    for one in reports:
        found = merge(found.scans, found.unplaced, [one] if isinstance(one, Checkpoint) else one)
    return found


def offsets(found: Merged) -> list[int | None]:
    return [scan.offset_minutes for scan in found.scans]


def test_the_repeated_hour_keeps_both_scans_in_order() -> None:
    assert offsets(merged([report("02:30+60"), report("02:30+120")])) == [120, 60]


def test_a_report_without_an_offset_matches_the_scan_with_one() -> None:
    placed = report("02:30+120")

    found = merged(placed, report("02:30", 2), report("02:30+120", 3), report("02:30", 4))

    assert offsets(found) == [120]
    assert (found.is_shown, found.news) == (False, ())


def test_a_report_without_an_offset_joins_the_earliest_instant_even_if_reported_last() -> None:
    loose = report("02:30", 5, city="BONN")

    found = merged(loose, report("02:30+60"), report("02:30+120", city="BERLIN"))

    assert [(scan.offset_minutes, scan.city) for scan in found.scans] == [(120, "BONN"), (60, None)]


@pytest.mark.parametrize(
    "respelled",
    [
        {"detail": " Scanned  "},
        {"location": "BONN\u00a0 HUB"},
        {"city": " BONN"},
        {"raw_status": "X  1"},
        {"zip": "53113 "},
        {"state": ""},
    ],
)
def test_a_respelled_scan_is_not_new(respelled: dict[str, str]) -> None:
    first = report("08:00", location="BONN HUB", city="BONN", raw_status="X 1", zip="53113")
    fields = {"location": "BONN HUB", "city": "BONN", "raw_status": "X 1", "zip": "53113"} | respelled

    found = merged(first, report("08:00", 2, **fields))

    assert len(found.scans) == 1
    assert not found.is_shown


@pytest.mark.parametrize("changed", [{"city": "BERLIN"}, {"raw_status": "X 2"}, {"substatus": "transit002"}])
def test_a_scan_with_another_meaning_is_a_change_not_a_new_scan(changed: dict[str, str]) -> None:
    found = merged(report("08:00", city="BONN"), report("08:00", 2, **{"city": "BONN", **changed}))

    assert (len(found.scans), found.is_shown, found.news) == (1, True, ())


def test_scans_are_ordered_by_utc_only_if_all_have_an_offset() -> None:
    west, east = report("09:00+0", detail="London"), report("09:30+120", detail="Kyiv")

    assert [scan.tracking_detail for scan in merged([west, east]).scans] == ["Kyiv", "London"]
    assert [scan.tracking_detail for scan in merged([west, east, report("07:00")]).scans] == [
        "Scanned",
        "London",
        "Kyiv",
    ]


def test_scans_of_the_same_second_are_ordered_by_progress() -> None:
    scans = [report("08:00", detail="b", substatus="pickup002"), report("08:00", detail="c", substatus="transit001")]

    assert [scan.tracking_detail for scan in merged(scans).scans] == ["c", "b"]


REPORTS = st.builds(
    report,
    st.sampled_from(["02:30", "02:30+60", "02:30+120", "03:00", "03:00+60"]),
    st.integers(1, 3),
    st.sampled_from(["Scanned", "Scanned ", "Sorted"]),
    st.sampled_from(["transit001", "delivered001"]),
    city=st.sampled_from([None, "BERLIN", "BONN"]),
)

OF_A_DAY = (
    (("announced", "inforeceived001", "10:36+0"), ("Picked up", "transit001", "00:00")),
    (("Out for delivery", "pickup001", "08:00"), ("Delivered", "delivered001", "00:00")),
    (("Held", "exception005", "00:00"), ("Released", "transit001", "15:00")),
    (("Picked up", "transit001", "00:00"), ("Out for delivery", "pickup001", "08:00")),
    (
        ("announced", "inforeceived001", "09:00"),
        ("Picked up", "transit001", "00:00"),
        ("Arrived", "transit002", "21:00"),
    ),
)
"""Scans of one day as they happened; midnight without an offset is a day without a time."""


@pytest.mark.parametrize("happened", OF_A_DAY, ids=lambda happened: happened[-1][0])
def test_a_scan_of_which_only_the_day_is_known_follows_those_that_are_less_far_along(
    happened: tuple[tuple[str, str, str], ...],
) -> None:
    scans = [report(at, detail=detail, substatus=substatus) for detail, substatus, at in happened]

    for one_order in itertools.permutations(scans):
        assert [scan.tracking_detail for scan in merged(*one_order).scans] == [detail for detail, _, _ in happened]


def test_an_order_that_an_earlier_version_stored_is_not_news() -> None:
    first, second = (
        report("00:00", detail="Picked up"),
        report("10:36", detail="Announced", substatus="inforeceived001"),
    )

    again = merge((first, second), (), [first, second])

    assert (again.scans, again.is_shown) == ((second, first), False)


def by_the_definition(reports: Sequence[Checkpoint]) -> set[tuple[object, ...]]:
    """Return what is kept of reports, put together from all of them at once: time, detail, offset and last report."""
    found: set[tuple[object, ...]] = set()
    for key in {_key(one) for one in reports}:
        of_key = [one for one in reports if _key(one) == key]
        known = sorted({one.offset_minutes for one in of_key if one.offset_minutes is not None}, reverse=True)
        for place, offset in enumerate(known or [None]):
            own = [one for one in of_key if one.offset_minutes == offset or (one.offset_minutes is None and place == 0)]
            found.add((*key, offset, max(one.observed_at for one in own)))
    return found


def _key(scan: Checkpoint) -> tuple[str, str]:
    return scan.checkpoint_date, scan.tracking_detail.strip()


@examples(150)
@given(st.lists(REPORTS, max_size=8), st.randoms(use_true_random=False))
def test_the_kept_scans_follow_the_definition_in_any_order(reports: list[Checkpoint], chance: random.Random) -> None:
    first = merged(reports)
    shuffled = [*reports, *reports[:2]]
    chance.shuffle(shuffled)

    again = merged(*shuffled)
    assert (again.scans, again.unplaced) == (first.scans, first.unplaced)
    kept = {(*_key(scan), scan.offset_minutes) for scan in first.scans}
    assert kept == {one[:3] for one in by_the_definition(reports)}
    last = max((one.observed_at for one in reports), default=0)
    assert all(scan.observed_at <= last for scan in first.scans)


def minute(number: int, **more: Any) -> Checkpoint:
    wall_time = (
        f"2026-{1 + number // 40_000:02}-{1 + number // 1440 % 27:02}T{number // 60 % 24:02}:{number % 60:02}:00"
    )
    scan = Checkpoint(wall_time, more.pop("detail", f"Scan {number}"), observed_at=1)
    return read(scan, Reading(more.pop("substatus", "transit001"), more.pop("basis", Basis.CODE)))


def test_a_parcel_keeps_its_first_its_deciding_and_its_newest_scans() -> None:
    scans = [minute(number) for number in range(700)]
    scans[100] = minute(100, substatus="delivered001")

    found = merged(scans)

    kept = [scan.tracking_detail for scan in found.scans]
    assert len(kept) <= MOST_SCANS
    assert kept[: BOUNDS.first] == [f"Scan {number}" for number in range(BOUNDS.first)]
    assert kept[BOUNDS.first] == "Scan 100"
    assert kept[-1] == "Scan 699"
    assert found.left_out == 700 - len(kept)


def test_a_scan_left_out_by_the_limit_is_not_a_change() -> None:
    found = merged([minute(number) for number in range(700)])

    again = merge(found.scans, found.unplaced, [minute(number) for number in range(100, 200)])

    assert (again.scans, again.is_shown, again.news) == (found.scans, False, ())


def test_the_largest_scans_fit_the_byte_limit_in_any_encoding() -> None:
    scans = [
        msgspec.structs.replace(minute(number, detail=f"{number}" + text * 995), location=text * 200, city=text * 200)
        for number, text in enumerate(["\U0001f381", "\u0001", "包", '"'] * 150)
    ]

    found = merged(scans)

    assert len(msgspec.json.encode(found.scans)) <= MOST_BYTES
    assert found.scans[-1].tracking_detail == scans[-1].tracking_detail
    assert found.scans[0].tracking_detail == scans[0].tracking_detail


SMALL = Bounds(first=2, newest=4, never_too_large=0)
NUMBERED = st.dictionaries(
    st.integers(0, 40), st.tuples(st.sampled_from([None, *sorted(SUBSTATUSES)]), st.sampled_from(Basis)), max_size=30
)


@examples(150)
@given(NUMBERED, st.randoms(use_true_random=False))
def test_the_kept_scans_do_not_depend_on_order_and_give_the_same_status_as_all(
    numbered: dict[int, tuple[str | None, Basis]], chance: random.Random
) -> None:
    scans = [minute(number, substatus=substatus, basis=basis) for number, (substatus, basis) in numbered.items()]
    whole = merge((), (), scans, bounds=SMALL).scans

    chance.shuffle(scans)
    by_and_by: tuple[Checkpoint, ...] = ()
    while scans:
        some, scans = scans[:3], scans[3:]
        by_and_by = merge(by_and_by, (), some, bounds=SMALL).scans

    assert by_and_by == whole
    every = [
        minute(number, substatus=substatus, basis=basis) for number, (substatus, basis) in sorted(numbered.items())
    ]
    pending = Status.PENDING, "pending001"
    assert follow(whole, *pending) == follow(every, *pending)
