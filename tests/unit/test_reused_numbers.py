"""Scans of an earlier parcel with the same number are not the registered parcel's."""

from datetime import UTC, datetime

import pytest

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.reused_numbers import of_this_parcel
from waypost.domain.trackings import Source, TrackingState, Update, register

REGISTERED = round(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp() * 1000)
OLD = Checkpoint("2026-04-01T23:59:59", "Delivered")
FIRST = Checkpoint("2026-04-02T00:00:00", "Picked up")
NEW = Checkpoint("2026-07-02T08:00:00", "On its way")


def parcel(**given: str) -> TrackingState:
    return register("0" * 32, "A1", "ups", given, REGISTERED)


def answer(*scans: Checkpoint) -> Update:
    return Update(Source.POLL, scans, facts={"signed_by": "Somebody else"})


def test_scans_from_more_than_90_days_before_the_registration_are_left_out() -> None:
    assert of_this_parcel(parcel(), answer(OLD, FIRST, NEW)) == answer(FIRST, NEW)


def test_an_answer_of_this_parcel_is_not_touched() -> None:
    update = answer(FIRST, NEW)

    assert of_this_parcel(parcel(), update) is update


def test_an_answer_about_an_earlier_parcel_only_is_that_of_an_unknown_number() -> None:
    assert of_this_parcel(parcel(), answer(OLD)) == Update(Source.POLL, unknown_number=True)


def test_an_answer_without_scans_stays_what_it_is() -> None:
    unknown = Update(Source.POLL, unknown_number=True)

    assert of_this_parcel(parcel(), unknown) is unknown
    assert of_this_parcel(parcel(), answer()) == answer()


@pytest.mark.parametrize("given", [{"tracking_ship_date": "20260301"}, {"order_date": "2026-03-01T09:00:00+01:00"}])
def test_the_shops_own_date_counts_if_it_is_earlier(given: dict[str, str]) -> None:
    assert of_this_parcel(parcel(**given), answer(OLD, NEW)) == answer(OLD, NEW)


@pytest.mark.parametrize("given", [{"tracking_ship_date": "soon"}, {"tracking_ship_date": "20270101"}])
def test_a_date_that_is_none_or_later_changes_nothing(given: dict[str, str]) -> None:
    assert of_this_parcel(parcel(**given), answer(OLD, NEW)) == answer(NEW)
