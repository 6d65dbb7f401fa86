"""How updates change a tracking: in any order, any number of times, with the same end."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Judge
from tests.support.faults import Tally
from waypost.domain import trackings
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.trackings import DAY_MS, Source, TrackingState, Update

NOW = 1_790_000_000_000


def registered() -> TrackingState:
    return trackings.register("ab" * 16, "A1", "dhl", {}, NOW)


def scan(minute: int, substatus: str | None, detail: str = "Scanned", **more: Any) -> Checkpoint:
    status = None if substatus is None else status_of(substatus)
    return Checkpoint(
        f"2026-03-02T08:{minute:02}:00",
        detail,
        checkpoint_delivery_status=status,
        checkpoint_delivery_substatus=substatus,
        **more,
    )


def after(*updates: Update) -> TrackingState:
    state = registered()
    for number, update in enumerate(updates):
        state = trackings.apply(state, update, NOW + number).state
    return state


def reporting(*scans: Checkpoint, observed_at: int = NOW, facts: dict[str, str] | None = None) -> Update:
    return Update(Source.POLL, scans, facts or {}, observed_at=observed_at)


SCANS = st.builds(
    scan,
    st.integers(0, 3),
    st.sampled_from([None, *sorted(SUBSTATUSES)]),
    st.sampled_from(["Scanned", "Scanned ", "Sorted"]),
    city=st.sampled_from([None, "BERLIN", "BONN"]),
    offset_minutes=st.sampled_from([None, 0, 60]),
)
UPDATES = st.builds(
    lambda scans, at, facts: reporting(*scans, observed_at=NOW + at, facts=facts),
    st.lists(SCANS, max_size=4),
    st.integers(0, 2),
    st.dictionaries(st.sampled_from(["signed_by", "weight", "title"]), st.sampled_from(["a", "b"]), max_size=2),
)


@given(st.lists(UPDATES, max_size=6), st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_the_order_or_repetition_of_updates(
    updates: list[Update], chance: random.Random
) -> None:
    shuffled = [*updates, *updates[:2]]
    chance.shuffle(shuffled)

    assert seen(after(*shuffled)) == seen(after(*updates))


def seen(state: TrackingState) -> tuple[object, ...]:
    return state.checkpoints, state.facts, state.status, state.substatus


@pytest.mark.faults
def test_the_result_does_not_depend_on_the_order_in_a_hundred_thousand_permutations(judged: Judge) -> None:
    tried = 0

    @settings(max_examples=2_000, deadline=None)
    @given(st.lists(UPDATES, min_size=2, max_size=6), st.randoms(use_true_random=False))
    def hold_in_many_orders(updates: list[Update], chance: random.Random) -> None:
        nonlocal tried
        expected, shuffled = seen(after(*updates)), [*updates, *updates[:2]]
        for _ in range(50):
            chance.shuffle(shuffled)
            assert seen(after(*shuffled)) == expected
            tried += 1

    hold_in_many_orders()

    judged(Tally("F15 updates again and in any order", tried, tried, 0, 0, 0, 0, "100,000 permutations, 0 divergences"))
    assert tried >= 100_000


def test_the_newest_scan_gives_the_status() -> None:
    state = after(reporting(scan(9, "pickup001")), reporting(scan(5, "transit002")))

    assert (state.status, state.substatus) == (Status.PICKUP, "pickup001")


def test_after_delivered_only_a_return_changes_the_status() -> None:
    delivered = reporting(scan(5, "delivered001"))

    assert after(delivered, reporting(scan(6, "transit001"))).status is Status.DELIVERED
    assert after(delivered, reporting(scan(6, "exception006"))).status is Status.DELIVERED
    assert after(delivered, reporting(scan(6, "exception011"))).substatus == "exception011"


def test_a_scan_whose_meaning_is_not_known_keeps_the_status() -> None:
    assert after(reporting(scan(5, "transit002"), scan(6, None))).substatus == "transit002"


def test_scans_that_differ_in_white_space_only_are_one_and_the_later_report_holds() -> None:
    early = scan(5, "transit001", "Arrived  at hub", city="BONN")
    late = scan(5, "transit001", "Arrived at hub", city="BERLIN")

    state = after(reporting(late, observed_at=NOW + 5), reporting(early, observed_at=NOW))

    assert [checkpoint.city for checkpoint in state.checkpoints] == ["BERLIN"]


def test_a_shorter_list_deletes_nothing() -> None:
    state = after(reporting(scan(5, "transit001"), scan(6, "transit002")), reporting(scan(6, "transit002")))

    assert len(state.checkpoints) == 2


def test_the_same_report_again_is_no_event() -> None:
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


def test_an_unknown_number_is_an_event_once_and_ends_with_the_first_scan() -> None:
    unknown = Update(Source.POLL, unknown_number=True)
    first = trackings.apply(registered(), unknown, NOW)

    assert first.eventful
    assert first.state.substatus == "notfound002"
    assert not trackings.apply(first.state, unknown, NOW + 1).eventful
    assert trackings.apply(first.state, reporting(scan(5, "transit001")), NOW + 1).state.status is Status.TRANSIT


def test_a_tracking_expires_thirty_days_after_its_last_news_and_a_new_scan_ends_that() -> None:
    state = after(reporting(scan(5, "transit001")))

    assert not trackings.is_due_to_expire(state, NOW + 30 * DAY_MS - 1)
    assert trackings.is_due_to_expire(state, NOW + 30 * DAY_MS)
    expired = trackings.apply(state, Update(Source.EXPIRY, expires=True), NOW + 30 * DAY_MS).state
    assert (expired.status, expired.substatus) == (Status.EXPIRED, "expired001")
    assert trackings.apply(expired, reporting(scan(6, "transit002")), NOW + 31 * DAY_MS).state.status is Status.TRANSIT


def test_a_delivered_parcel_never_expires() -> None:
    state = after(reporting(scan(5, "delivered001")))

    assert not trackings.is_due_to_expire(state, NOW + 300 * DAY_MS)
