"""A receiver's memory: the webhooks it has handled, and the latest state of each parcel."""

import json
import sqlite3
from contextlib import closing, suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.webhooks import hook
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE
from waypost.receiver import (
    Deduplicator,
    InProgressError,
    LatestState,
    MemorySeen,
    MemoryStates,
    Seen,
    SqliteSeen,
    SqliteStates,
    TrackingEvent,
    read_event,
)

DAY = 86_400


class BrokenError(Exception):
    """An error that a handler may raise."""


@pytest.fixture(params=["memory", "sqlite"])
def seen(request):
    if request.param == "memory":
        return MemorySeen()
    return SqliteSeen(sqlite3.connect(":memory:"))


def takes(deduplicator: Deduplicator, webhook_id: str = "evt_1", endpoint: str = "shop") -> bool:
    with deduplicator.once(endpoint, webhook_id) as first:
        return first


def test_a_webhook_is_new_once_per_endpoint(seen: Seen):
    deduplicator = Deduplicator(seen)

    assert [takes(deduplicator), takes(deduplicator), takes(deduplicator, endpoint="warehouse")] == [True, False, True]


def test_a_webhook_whose_handler_failed_is_new_again(seen: Seen):
    deduplicator = Deduplicator(seen)

    with pytest.raises(BrokenError), deduplicator.once("shop", "evt_1"):
        raise BrokenError

    assert [takes(deduplicator), takes(deduplicator)] == [True, False]


def test_a_failing_duplicate_does_not_make_a_webhook_new(seen: Seen):
    deduplicator = Deduplicator(seen)
    takes(deduplicator)

    with suppress(BrokenError), deduplicator.once("shop", "evt_1"):
        raise BrokenError

    assert not takes(deduplicator)


def test_a_duplicate_is_rejected_while_the_first_is_being_handled(seen: Seen):
    deduplicator = Deduplicator(seen)

    with deduplicator.once("shop", "evt_1"), pytest.raises(InProgressError):
        takes(deduplicator)

    assert not takes(deduplicator)


def test_webhooks_are_remembered_for_thirty_days(seen: Seen):
    now = [1_790_000_000.0]
    deduplicator = Deduplicator(seen, clock=lambda: now[0])
    takes(deduplicator)

    now[0] += 29 * DAY
    takes(deduplicator, "evt_2")
    assert not takes(deduplicator)
    now[0] += 2 * DAY
    takes(deduplicator, "evt_2")

    assert [takes(deduplicator), takes(deduplicator, "evt_2")] == [True, False]


def test_a_sqlite_record_commits_or_rolls_back_with_the_callers_transaction(tmp_path):
    with closing(sqlite3.connect(tmp_path / "shop.sqlite3")) as connection:
        deduplicator = Deduplicator(SqliteSeen(connection))
        connection.commit()
        takes(deduplicator)
        connection.rollback()  # as a crash before the commit does

        assert takes(deduplicator)
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "shop.sqlite3")) as connection:
        assert not takes(Deduplicator(SqliteSeen(connection)))


def event(tracking: int, sequence: int, version: Version = Version.V4, *, test: bool = False) -> TrackingEvent:
    status = SELECTABLE[sequence % len(SELECTABLE)]
    body = json.loads(hook(version, status).body)
    body["data"] |= {"id": f"{tracking:032x}", "tracking_number": f"PARCEL{tracking % 2}"}
    headers = {"webhook-id": f"evt_{tracking}_{sequence}", "waypost-sequence": str(sequence)}
    return read_event(json.dumps(body).encode(), {**headers, "waypost-test": str(test).lower()})


EVENTS = [event(tracking, sequence) for tracking in range(3) for sequence in range(1, 6)]

EVERY_KIND = pytest.mark.parametrize(
    "states", [MemoryStates, lambda: SqliteStates(sqlite3.connect(":memory:"))], ids=["memory", "sqlite"]
)


@EVERY_KIND
@given(arrivals=st.lists(st.sampled_from(EVENTS), max_size=25), order=st.randoms(use_true_random=False))
def test_any_order_and_duplication_gives_the_same_latest_state(states, arrivals: list[TrackingEvent], order: Random):
    latest = LatestState(states())
    everything = [*EVENTS, *arrivals]
    order.shuffle(everything)

    for one in everything:
        latest.take(one)

    assert [latest.get(f"{tracking:032x}") for tracking in range(3)] == [EVENTS[4], EVENTS[9], EVENTS[14]]


@EVERY_KIND
def test_only_newer_states_are_accepted(states):
    latest = LatestState(states())

    assert [latest.take(event(1, sequence)) for sequence in (2, 2, 1, 3)] == [True, False, False, True]


@EVERY_KIND
def test_a_number_registered_again_shows_its_new_parcel(states):
    latest = LatestState(states())
    latest.take(event(2, 1))
    latest.take(event(0, 5))

    found = latest.find("PARCEL0")

    assert found is not None
    assert (found.tracking_id, found.sequence) == (f"{2:032x}", 1)
    assert latest.find("PARCEL9") is None


@EVERY_KIND
def test_a_test_does_not_change_a_parcel(states):
    latest = LatestState(states())

    assert not latest.take(event(1, 9, test=True))
    assert latest.get(f"{1:032x}") is None


@EVERY_KIND
def test_without_sequence_numbers_the_later_update_is_newer(states):
    latest = LatestState(states())
    body = json.loads(hook().body)
    moments = ("2026-03-02T09:00:00+00:00", "2026-03-03T09:00:00+00:00", "2026-03-03T08:00:00+00:00")
    taken = []
    for at in moments:
        body["data"]["update_at"] = at
        taken.append(latest.take(read_event(json.dumps(body).encode(), {})))

    assert taken == [True, True, False]


@pytest.mark.parametrize("version", Version)
def test_sqlite_stores_exactly_the_accepted_state(version):
    kept = SqliteStates(sqlite3.connect(":memory:"))
    taken = event(1, 4, version)

    LatestState(kept).take(taken)

    assert kept.every() == [taken]
