"""Which alerts are sent now, which wait, and which nobody needs any more."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from waypost.alerts.wording import message_of
from waypost.domain.alerts import (
    MOST_A_MINUTE,
    MOST_TRIES,
    AlertService,
    Content,
    QuietHours,
    WaitingAlert,
    What,
    plan,
    wait_after,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = QuietHours(time(22), time(7, 30), "Europe/Berlin")


def alert(number: int, what: What = What.OPENED, *, incident: int | None = None, tries: int = 0) -> WaitingAlert:
    content = Content(f"inc_{incident or number}", "endpoint_failing", "ep_1", "It fails.", "2026-03-02T12:00:00Z")
    return WaitingAlert(UUID(int=number), what, content, tries)


def test_alerts_for_people_are_sent_together_and_those_for_programs_one_by_one() -> None:
    waiting = [alert(1), alert(2)]

    chat, program = (
        plan(one, waiting, now=NOON, quiet=None, window=None) for one in (AlertService.SLACK, AlertService.WEBHOOK)
    )

    assert (chat.send, program.send) == ((alert(1), alert(2)), (alert(1),))


def test_an_incident_that_was_over_before_anybody_heard_of_it_is_skipped() -> None:
    waiting = [alert(1), alert(2), alert(3, What.CLOSED, incident=1)]

    planned = plan(AlertService.EMAIL, waiting, now=NOON, quiet=None, window=None)

    assert (planned.send, planned.skip) == ((alert(2),), (UUID(int=1), UUID(int=3)))


def test_an_endpoint_that_is_disabled_for_failing_is_not_reported_as_resolved() -> None:
    failed, off = alert(1, What.CLOSED), alert(2)

    assert message_of([failed, off], None).title == "Endpoint failing"
    assert message_of([off, failed], None).title == "2 incidents changed"


def test_one_that_may_have_been_sent_is_followed_by_its_end() -> None:
    waiting = [alert(1, tries=1), alert(3, What.CLOSED, incident=1)]

    assert plan(AlertService.EMAIL, waiting, now=NOON, quiet=None, window=None).send == tuple(waiting)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 3, 2, 20, 59, tzinfo=UTC), None),
        (datetime(2026, 3, 2, 21, 0, tzinfo=UTC), datetime(2026, 3, 3, 6, 30, tzinfo=UTC)),
        (datetime(2026, 3, 3, 6, 29, tzinfo=UTC), datetime(2026, 3, 3, 6, 30, tzinfo=UTC)),
        (datetime(2026, 3, 3, 6, 30, tzinfo=UTC), None),
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 5, 30, tzinfo=UTC)),  # summer time begins
    ],
)
def test_quiet_hours_follow_the_clock_of_the_accounts_time_zone(at: datetime, until: datetime | None) -> None:
    assert NIGHT.until(at) == until


def test_in_quiet_hours_only_tests_are_sent() -> None:
    midnight = datetime(2026, 3, 2, 23, tzinfo=UTC)

    planned = plan(AlertService.EMAIL, [alert(1), alert(2, What.TEST)], now=midnight, quiet=NIGHT, window=None)
    later = plan(AlertService.EMAIL, [alert(1)], now=midnight, quiet=NIGHT, window=None)

    assert planned.send == (alert(2, What.TEST),)
    assert (later.send, later.wait_until) == ((), datetime(2026, 3, 3, 6, 30, tzinfo=UTC))


def test_a_channel_gets_five_messages_a_minute() -> None:
    begun = NOON - timedelta(seconds=59)

    within = plan(AlertService.SLACK, [alert(1)], now=NOON, quiet=None, window=(begun, MOST_A_MINUTE))
    after = plan(
        AlertService.SLACK, [alert(1)], now=NOON + timedelta(seconds=1), quiet=None, window=(begun, MOST_A_MINUTE)
    )

    assert (within.send, within.wait_until) == ((), begun + timedelta(minutes=1))
    assert after.send == (alert(1),)


def test_an_alert_is_retried_for_a_day_and_a_rejected_one_twice() -> None:
    waits = [wait_after(tries, rejected=False) for tries in range(1, MOST_TRIES + 1)]

    assert waits[:3] == [30.0, 60.0, 120.0]
    assert waits[-1] is None
    assert 23 * 3600 <= sum(wait for wait in waits if wait is not None) <= 25 * 3600
    assert [wait_after(tries, rejected=True) for tries in (1, 2, 3)] == [30.0, 60.0, None]
