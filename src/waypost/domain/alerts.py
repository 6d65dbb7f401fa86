"""Alerts: messages about incidents, to the channels that an account or the operator chose. No clock, no I/O."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec


class AlertService(StrEnum):
    """Where a channel's messages go. Each is one request for one message."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    TELEGRAM = "telegram"
    PAGERDUTY = "pagerduty"
    NTFY = "ntfy"
    WEBHOOK = "webhook"


class What(StrEnum):
    """Why a message is sent: an incident was opened, has reached a later stage, or is over; or somebody tests."""

    OPENED = "opened"
    REMINDED = "reminded"
    CLOSED = "closed"
    TEST = "test"


class AlertState(StrEnum):
    """The result of an alert. It is ``skipped`` if its incident was over before it could be sent."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


class Content(msgspec.Struct, frozen=True):
    """The incident that an alert is about, as it was at that moment."""

    incident: str
    kind: str
    subject: str
    message: str
    opened_at: str
    closed_at: str | None = None
    details: dict[str, Any] = {}


class WaitingAlert(msgspec.Struct, frozen=True):
    """A waiting alert of a channel. ``tries`` counts failed attempts to send it."""

    id: UUID
    what: What
    content: Content
    tries: int = 0


class QuietHours(msgspec.Struct, frozen=True):
    """From a time of the day until another, on the clock of a time zone; they may span midnight."""

    start: time
    end: time
    zone: str

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours end that a time lies in; None if it lies in none."""
        local = now.astimezone(ZoneInfo(self.zone))
        at = local.time()
        inside = self.start <= at < self.end if self.start < self.end else at >= self.start or at < self.end
        if not inside:
            return None
        day = local.date() if at < self.end else local.date() + timedelta(days=1)
        return datetime.combine(day, self.end, tzinfo=local.tzinfo).astimezone(UTC)


MOST_A_MINUTE: Final = 5
WINDOW: Final = timedelta(minutes=1)
TOGETHER: Final = 20
"""How many alerts one message of a service for people can contain."""

ONE_BY_ONE: Final = frozenset({AlertService.PAGERDUTY, AlertService.WEBHOOK})
"""Services for programs: each alert is a request of its own."""

FIRST_WAIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 3600.0
MOST_TRIES: Final = 30
"""With these waits an alert is given up after a day."""

MOST_REJECTIONS: Final = 3
"""A service that says that the request is wrong is not asked for a day."""


class Plan(msgspec.Struct, frozen=True):
    """What is done with a channel's waiting alerts: some are sent together, some are skipped, the others wait.

    ``wait_until`` None means that more can be sent at once.
    """

    send: tuple[WaitingAlert, ...] = ()
    skip: tuple[UUID, ...] = ()
    wait_until: datetime | None = None


def plan(
    service: AlertService,
    waiting: Sequence[WaitingAlert],
    *,
    now: datetime,
    quiet: QuietHours | None,
    window: tuple[datetime, int] | None,
) -> Plan:
    """Return what to do with waiting alerts, oldest first. ``window`` is when a minute began, and what was sent in it.

    An incident that was over before anybody heard of it is skipped. Tests are not held back by quiet hours.
    """
    opened = {one.content.incident for one in waiting if one.what is What.OPENED and not one.tries}
    over = opened & {one.content.incident for one in waiting if one.what is What.CLOSED}
    skip = tuple(one.id for one in waiting if one.content.incident in over and one.what is not What.TEST)
    left = [one for one in waiting if one.id not in skip]
    quiet_until = None if quiet is None else quiet.until(now)
    if quiet_until is not None:
        left = [one for one in left if one.what is What.TEST]
    if not left:
        return Plan((), skip, quiet_until)
    if window is not None and now - window[0] < WINDOW and window[1] >= MOST_A_MINUTE:
        return Plan((), skip, window[0] + WINDOW)
    return Plan(tuple(left[: 1 if service in ONE_BY_ONE else TOGETHER]), skip)


def wait_after(tries: int, *, rejected: bool) -> float | None:
    """Return how many seconds after its failure number ``tries`` (from 1) an alert is sent again; None for never."""
    if tries >= (MOST_REJECTIONS if rejected else MOST_TRIES):
        return None
    return min(FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), LONGEST_WAIT_SECONDS)
