"""When a failing endpoint is worth a warning, when it is disabled, and when it is tried again. No clock, no I/O.

ok ──► failing      a delivery has failed 4 times, or every attempt has failed for half of the allowed time
failing ──► ok      an attempt succeeded, and no waiting delivery has failed 4 times
failing ──► off     every attempt has failed for the allowed time, and the owner was notified two days before
off ──► ok          an hourly test succeeded
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

TRIES_BEFORE_WARNING: Final = 4
"""After this many failed attempts of one delivery, somebody must know: the schedule gets there within minutes."""

LEAST_ATTEMPTS: Final = 10
"""An endpoint that few webhooks are sent to is not disabled for two or three failures a week apart."""

USUAL_DAYS: Final = 7
LONGEST_DAYS: Final = 30
NOTICE: Final = timedelta(days=2)
PROBE_EVERY: Final = timedelta(hours=1)
_HALF, _LATE = 0.5, 0.8


class Condition(StrEnum):
    """How an enabled endpoint does.

    ok          nothing that anybody must know
    rejecting   it accepts webhooks, but has rejected at least one delivery repeatedly
    failing     all attempts fail
    hopeless    all attempts have failed for so long that it is to be disabled
    """

    OK = "ok"
    REJECTING = "rejecting"
    FAILING = "failing"
    HOPELESS = "hopeless"


class Facts(msgspec.Struct, frozen=True):
    """What the health of an enabled endpoint is judged by.

    ``failing_since`` is the time from which every attempt failed, None if the last one succeeded. ``certain_since`` is
    the time from which that is certain, if it is later, and from which the days are counted. ``attempts`` were made
    since then. ``most_tries`` counts the failed attempts of the waiting delivery that has most. After ``days`` of
    failure it is disabled, with None never. ``announced_at`` is when its owner was notified of that, and ``warned``
    says whether the owner was warned of this failure at all.
    """

    failing_since: datetime | None = None
    attempts: int = 0
    most_tries: int = 0
    days: int | None = USUAL_DAYS
    announced_at: datetime | None = None
    warned: bool = False
    certain_since: datetime | None = None


class Judgement(msgspec.Struct, frozen=True):
    """What follows. ``stage`` counts the warnings that are due after the first; a higher one is worth a message.

    ``disables_at`` is when it is disabled if nothing changes, None for never.
    """

    condition: Condition
    stage: int = 0
    disables_at: datetime | None = None
    announced_at: datetime | None = None


def judge(facts: Facts, now: datetime) -> Judgement:
    """Return the health of an endpoint at a time, and the message that its owner must get."""
    since = facts.failing_since
    if since is None:
        rejects = facts.most_tries >= TRIES_BEFORE_WARNING
        return Judgement(Condition.REJECTING if rejects else Condition.OK)
    if facts.days is None:
        is_news = facts.warned or facts.most_tries >= TRIES_BEFORE_WARNING
        return Judgement(Condition.FAILING if is_news else Condition.OK)
    since = max(since, facts.certain_since or since)
    allowed = timedelta(days=facts.days)
    notice = notice_of(allowed)
    passed = now - since
    stage = sum(passed >= warning for warning in (allowed * _HALF, allowed - notice, allowed * _LATE))
    announced_at = facts.announced_at
    if announced_at is None and passed >= allowed - notice:
        announced_at = now
    disables_at = since + allowed if announced_at is None else max(since + allowed, announced_at + notice)
    if now >= disables_at and facts.attempts >= LEAST_ATTEMPTS:
        return Judgement(Condition.HOPELESS, stage, disables_at, announced_at)
    if stage == 0 and not facts.warned and facts.most_tries < TRIES_BEFORE_WARNING:
        return Judgement(Condition.OK)
    return Judgement(Condition.FAILING, stage, disables_at, announced_at)


def notice_of(allowed: timedelta) -> timedelta:
    """Return how long before disabling an endpoint its owner is notified: two days, or half of a shorter time."""
    return min(NOTICE, allowed * _HALF)


def is_probe_due(*, off_since: datetime, probed_at: datetime | None, kept_for: timedelta, now: datetime) -> bool:
    """Return whether an endpoint that Waypost disabled is tried now: every hour, as long as what it missed is kept."""
    if now - off_since >= kept_for:
        return False
    return now - (off_since if probed_at is None else max(probed_at, off_since)) >= PROBE_EVERY
