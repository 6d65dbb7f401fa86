"""Times, numbers and percentages as the pages show them."""

from datetime import UTC, datetime, timedelta

import pytest

from waypost.domain.attempts import ERRORS, Outcome
from waypost.domain.audit import Action
from waypost.domain.deliveries import Reason, Settled, Waiting
from waypost.domain.endpoints import Skip
from waypost.domain.retry import Policy
from waypost.portal import wording

NOW = datetime(2026, 3, 4, 13, 20, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "just now"), (4, "just now"), (5, "5 seconds ago"), (60, "1 minute ago"), (3599, "59 minutes ago")),
        *(
            (3600, "1 hour ago"),
            (86_400, "1 day ago"),
            (86_400 * 400, "400 days ago"),
            (-7200, "in 2 hours"),
            (-1, "now"),
        ),
    ],
)
def test_times_are_shown_relative_to_now(seconds, words):
    assert wording.ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_times_of_the_api_are_read_too():
    assert wording.ago("2026-03-04T13:19:05.000Z", NOW) == "1 minute ago"
    assert wording.exactly("2026-03-04T14:20:05+01:00") == "2026-03-04 13:20:05 UTC"
    assert (wording.ago(None, NOW), wording.exactly(None)) == ("never", "")


def test_a_time_of_today_is_shown_without_its_date():
    berlin = wording.zone_of("Europe/Berlin")
    late = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)

    assert wording.clock_time("2026-03-04T13:20:05Z", late) == "13:20:05 UTC"
    assert wording.clock_time("2026-03-04T13:20:05Z", late, berlin) == "2026-03-04 14:20:05 CET"
    assert wording.clock_time("2026-03-04T23:20:05Z", late, berlin) == "00:20:05 CET"
    assert wording.exactly("2026-07-04T23:20:05Z", berlin) == "2026-07-05 01:20:05 CEST"
    assert wording.zone_of("Mars/Olympus") is UTC


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0"), (1, "100"), (0.9, "90.0"), (0.99999, "99.9"), (0.00001, "0.1"), (0.1234, "12.3")]
)
def test_percentages_reach_0_and_100_only_exactly(share, words):
    assert wording.percent(share) == f"{words}%"


def test_every_state_reason_and_outcome_has_a_text():
    assert set(wording.STATES) == {*Waiting, *Settled}
    assert set(wording.REASONS) == {*Reason, *Skip, wording.ADDED_LATER, wording.PENDING}
    assert set(ERRORS) == {*Outcome} - {Outcome.SUCCEEDED}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "is retried 14 times over about 6 days"),
        (Policy(base_seconds=20), "is retried 14 times over about 4 days"),
        (Policy(limit=9), "is retried 9 times over about 4 hours"),
        (Policy(limit=1), "is retried 1 time over about 30 seconds"),
        (Policy(base_seconds=0.1, limit=1), "is retried 1 time over about 1 second"),
        (Policy(limit=0), "is not retried"),
    ],
)
def test_the_retries_on_the_page_follow_the_settings(policy: Policy, words: str) -> None:
    assert wording.retries(policy) == words


def test_actions_of_the_audit_log_are_shown_in_words():
    words = {action: wording.action_words(action) for action in Action}

    assert words[Action.SECRET_SHOWN] == "Endpoint: secret shown"
    assert words[Action.KEY_CREATED] == "API key: created"
    assert words[Action.TRACKING_DELETED] == "Parcel: deleted"
    assert not [text for text in words.values() if "_" in text or "." in text]
