"""How updates change a tracking: in any order and any number of times, with the same result."""

import random
import sys
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Judge
from tests.support.examples import examples
from tests.support.faults import Tally
from waypost.domain import facts, readings, trackings
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.merging import MOST_BYTES
from waypost.domain.readings import Reading, read
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.trackings import DAY_MS, Source, TrackingState, Update

NOW = 1_790_000_000_000


def registered() -> TrackingState:
    return trackings.register("ab" * 16, "A1", "dhl", {}, NOW)


def scan(minute: int, substatus: str | None, detail: str = "Scanned", **more: Any) -> Checkpoint:
    """Return a scan as a reporter sends it: without a status it is read by its text."""
    status = None if substatus is None else status_of(substatus)
    return Checkpoint(
        f"2026-03-02T08:{minute:02}:00",
        detail,
        checkpoint_delivery_status=status,
        checkpoint_delivery_substatus=substatus,
        **more,
    )


def coded(minute: int, code: str, detail: str = "Scanned", **more: Any) -> Checkpoint:
    """Return a scan as an adapter returns it: its meaning depends on code and detail only."""
    return read(scan(minute, None, detail, raw_status=code, **more), CODES[code])


CODES = {
    "transit": Reading("transit001", Basis.GENERAL_CODE),
    "failure": Reading("exception005", Basis.GENERAL_CODE),
    "DEP": Reading("transit006", Basis.CODE),
    "PUP": Reading("pickup002", Basis.CODE),
    "RET": Reading("exception011", Basis.CODE),
    "BACK": Reading("exception010", Basis.CODE),
    "DEL": Reading("delivered001", Basis.CODE),
    "XX": Reading(None, Basis.TEXT),
}


def after(*updates: Update) -> TrackingState:
    state = registered()
    for number, update in enumerate(updates):
        state = trackings.apply(state, update, NOW + number).state
    return state


def reporting(*scans: Checkpoint, observed_at: int = NOW, facts: dict[str, str] | None = None) -> Update:
    return Update(Source.POLL, scans, facts or {}, observed_at=observed_at)


WHERE = {
    "city": st.sampled_from([None, "BERLIN", "BONN"]),
    "location": st.sampled_from([None, "BONN", "BONN "]),
    "offset_minutes": st.sampled_from([None, 0, 60]),
}
TEXTS = st.sampled_from(["Scanned", "Scanned ", "Delivered", "Out for delivery", "Gescannt im Nirgendwo"])
SCANS = st.builds(coded, st.integers(0, 3), st.sampled_from(sorted(CODES)), TEXTS, **WHERE) | st.builds(
    scan, st.integers(0, 3), st.sampled_from([None, *sorted(SUBSTATUSES)]), TEXTS, **WHERE
)
UPDATES = st.builds(
    lambda scans, at, facts: reporting(*scans, observed_at=NOW + at, facts=facts),
    st.lists(SCANS, max_size=4),
    st.integers(0, 2),
    st.dictionaries(st.sampled_from(["signed_by", "weight", "title"]), st.sampled_from(["a", "b"]), max_size=2),
)


@examples(1_000)
@given(st.lists(UPDATES, max_size=6), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_order_split_or_repetition_of_updates(
    updates: list[Update], chance: random.Random
) -> None:
    assert seen(after(*rearranged(updates, chance))) == seen(after(*updates))


def rearranged(updates: list[Update], chance: random.Random) -> list[Update]:
    """Return updates in another order, some of them twice, and some scan by scan."""
    split: list[Update] = []
    for update in [*updates, *updates[:2]]:
        scans = update.checkpoints if chance.random() < 0.5 else ()
        split += [msgspec.structs.replace(update, checkpoints=(one,)) for one in scans]
        split += [] if scans else [update]
    chance.shuffle(split)
    return split


def seen(state: TrackingState) -> tuple[object, ...]:
    return state.checkpoints, state.unplaced, state.facts, state.status, state.substatus


@pytest.mark.faults
def test_the_result_does_not_depend_on_the_order_in_a_million_permutations(judged: Judge) -> None:
    tried = 0

    @settings(max_examples=20_000, deadline=None)
    @given(st.lists(UPDATES, min_size=2, max_size=6), st.randoms(use_true_random=True))
    def hold_in_many_orders(updates: list[Update], chance: random.Random) -> None:
        nonlocal tried
        expected = seen(after(*updates))
        for _ in range(50):
            assert seen(after(*rearranged(updates, chance))) == expected
            tried += 1

    hold_in_many_orders()

    judged(
        Tally("F15 updates again and in any order", tried, tried, 0, 0, 0, 0, "1,000,000 permutations, 0 divergences")
    )
    assert tried >= 1_000_000


def test_the_newest_scan_gives_the_status() -> None:
    state = after(reporting(scan(9, "pickup001")), reporting(scan(5, "transit002")))

    assert (state.status, state.substatus) == (Status.PICKUP, "pickup001")


def test_after_delivered_only_a_return_changes_the_status() -> None:
    delivered = reporting(scan(5, "delivered001"))

    assert after(delivered, reporting(scan(6, "transit001"))).status is Status.DELIVERED
    assert after(delivered, reporting(scan(6, "exception006"))).status is Status.DELIVERED
    assert after(delivered, reporting(scan(6, "exception011"))).substatus == "exception011"


def test_an_unread_scan_keeps_the_status() -> None:
    assert after(reporting(scan(5, "transit002"), scan(6, None))).substatus == "transit002"


def test_scans_that_differ_only_in_white_space_are_one_and_the_later_report_wins() -> None:
    early = scan(5, "transit001", "Arrived  at hub", city="BONN")
    late = scan(5, "transit001", "Arrived at hub", city="BERLIN")

    state = after(reporting(late, observed_at=NOW + 5), reporting(early, observed_at=NOW))

    assert [checkpoint.city for checkpoint in state.checkpoints] == ["BERLIN"]


def test_a_respelling_is_not_an_event() -> None:
    told = {"scheduled_delivery_date": "2026-07-05", "signed_by": "J. Doe", "weight": "1 kg"}
    state = after(reporting(scan(5, "transit001", location="BONN HUB"), facts=told))

    respelled = {"scheduled_delivery_date": "2026-07-05T00:00:00", "signed_by": " J.  Doe", "weight": "1  kg"}
    again = trackings.apply(
        state,
        reporting(scan(5, "transit001", " Scanned", location="BONN  HUB", offset_minutes=60), facts=respelled),
        NOW,
    )

    assert (again.eventful, again.changed) == (False, False)
    assert again.state.updated_at == state.updated_at


@pytest.mark.parametrize("day", ["2026-07-06", "2026-07-05T12:00:00", "soon"])
def test_a_changed_estimate_is_an_event(day: str) -> None:
    state = after(reporting(facts={"scheduled_delivery_date": "2026-07-05"}))

    assert trackings.apply(state, reporting(facts={"scheduled_delivery_date": day}, observed_at=NOW + 1), NOW).eventful


def test_applying_an_update_twice_changes_nothing() -> None:
    update = reporting(scan(5, "transit001"), facts={"weight": "1"})
    state = after(update)

    assert trackings.apply(state, update, NOW + 9).state is state


def test_a_known_scan_keeps_its_reading_until_its_code_changes() -> None:
    state = after(reporting(coded(5, "PUP")))
    better_table = read(coded(5, "PUP"), Reading("transit003", Basis.CODE))
    other_code = read(coded(5, "DEP"), Reading("transit006", Basis.CODE))

    upgraded = trackings.apply(state, reporting(better_table, observed_at=NOW + 1), NOW)
    changed = trackings.apply(state, reporting(other_code, observed_at=NOW + 1), NOW)

    assert (upgraded.eventful, upgraded.state.substatus) == (False, "pickup002")
    assert (changed.eventful, changed.state.substatus) == (True, "transit006")


def test_only_new_scans_are_read() -> None:
    read_texts: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is readings.read_text.__code__:
            read_texts.append(frame.f_locals["text"])

    state = after(reporting(scan(5, None, "In transit"), scan(6, None, "Lorem ipsum")))
    sys.setprofile(note)
    try:
        trackings.apply(state, reporting(*[scan(m, None, "In transit") for m in (5, 7)], observed_at=NOW + 9), NOW)
        trackings.apply(state, reporting(scan(6, None, "Lorem  ipsum"), observed_at=NOW + 9), NOW)
    finally:
        sys.setprofile(None)

    assert read_texts == ["In transit"]


def test_new_unread_scans_are_reported_once() -> None:
    odd = reporting(scan(5, None, "Lorem ipsum"), scan(6, "transit001"))
    first = trackings.apply(registered(), odd, NOW)

    assert [one.tracking_detail for one in first.unread] == ["Lorem ipsum"]
    assert trackings.apply(first.state, odd, NOW + 1).unread == ()


def test_a_state_of_an_earlier_version_shrinks_only_with_its_next_change() -> None:
    scans = tuple(
        msgspec.structs.replace(coded(5, "transit", detail=f"Scan {number}"), basis=None) for number in range(900)
    )
    old = msgspec.structs.replace(registered(), checkpoints=scans, status=Status.PICKUP, substatus="pickup001")

    same = trackings.apply(old, reporting(facts={"weight": "2"}), NOW)
    next_change = trackings.apply(old, reporting(coded(6, "DEP")), NOW)

    assert (same.eventful, same.state.substatus, len(same.state.checkpoints) <= 500) == (False, "pickup001", True)
    assert (next_change.state.substatus, len(next_change.state.checkpoints) <= 500) == ("transit006", True)


def test_a_state_is_bounded_no_matter_how_large_its_facts_are() -> None:
    told = dict.fromkeys(facts.FACTS, "\u0001" * facts.LONGEST)
    scans = [coded(5, "DEP", detail=f"{number}" + "\u0001" * 900, city="\u0001" * 200) for number in range(200)]

    state = after(reporting(*scans[:100], facts=told), reporting(*scans[100:]))

    assert 200_000 < len(msgspec.json.encode(state)) <= MOST_BYTES


def test_scans_left_out_by_the_limit_are_not_new_and_are_counted() -> None:
    many = [coded(5, "DEP", detail=f"Scan {number:03}") for number in range(600)]
    first = trackings.apply(registered(), reporting(*many), NOW)

    again = trackings.apply(first.state, reporting(*many, observed_at=NOW + 1), NOW + 1)

    assert (first.state.reported, len(first.state.checkpoints) <= 500) == (600, True)
    assert (again.eventful, again.state.news_at, again.state.reported) == (False, NOW, 600)
    assert trackings.apply(again.state, reporting(coded(6, "DEP")), NOW + 2).state.reported == 1


def test_a_shorter_list_deletes_nothing() -> None:
    state = after(reporting(scan(5, "transit001"), scan(6, "transit002")), reporting(scan(6, "transit002")))

    assert len(state.checkpoints) == 2


def test_a_repeated_report_is_not_an_event() -> None:
    state = after(reporting(scan(5, "transit001")))

    again = trackings.apply(state, reporting(scan(5, "transit001")), NOW + 99)

    assert not again.eventful
    assert again.state.updated_at == state.updated_at


@pytest.mark.parametrize(
    ("name", "eventful"), [("signed_by", True), ("scheduled_delivery_date", True), ("weight", False)]
)
def test_which_facts_make_an_event(name: str, eventful: bool) -> None:  # noqa: FBT001 - a table
    applied = trackings.apply(registered(), reporting(facts={name: "x"}), NOW)

    assert (applied.eventful, applied.changed) == (eventful, True)


def test_an_unknown_number_is_one_event_until_the_first_scan() -> None:
    unknown = Update(Source.POLL, unknown_number=True)
    first = trackings.apply(registered(), unknown, NOW)

    assert first.eventful
    assert first.state.substatus == "notfound002"
    assert not trackings.apply(first.state, unknown, NOW + 1).eventful
    assert trackings.apply(first.state, reporting(scan(5, "transit001")), NOW + 1).state.status is Status.TRANSIT


def test_a_tracking_expires_thirty_days_after_its_last_news_and_a_new_scan_revives_it() -> None:
    state = after(reporting(scan(5, "transit001")))

    assert not trackings.is_due_to_expire(state, NOW + 30 * DAY_MS - 1)
    assert trackings.is_due_to_expire(state, NOW + 30 * DAY_MS)
    expired = trackings.apply(state, Update(Source.EXPIRY, expires=True), NOW + 30 * DAY_MS).state
    assert (expired.status, expired.substatus) == (Status.EXPIRED, "expired001")
    assert trackings.apply(expired, reporting(scan(6, "transit002")), NOW + 31 * DAY_MS).state.status is Status.TRANSIT


def test_a_delivered_parcel_never_expires() -> None:
    state = after(reporting(scan(5, "delivered001")))

    assert not trackings.is_due_to_expire(state, NOW + 300 * DAY_MS)
