"""The retry schedule as a pure decision: TrackingMore's, 1 + 14 attempts.

Retry n (1…14) starts no earlier than 2^(n-1) times 30 s after attempt n ended, plus up to 10 % jitter. ``Retry-After``
on 429 and 503 may lengthen a wait up to 24 h and never shortens it.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from waypost.domain.attempts import Outcome

LONGEST_RETRY_AFTER_SECONDS: Final = 86_400.0
JITTER: Final = 0.1
GIVES_WAY_AFTER: Final = 6

_SECONDS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Policy(msgspec.Struct, frozen=True):
    """The number of retries after the first attempt, and the seconds of the first wait."""

    base_seconds: float = 30.0
    limit: int = 14


class Settle(msgspec.Struct, frozen=True):
    """The delivery has ended: it succeeded, or its attempts are used up."""

    delivered: bool


class RetryIn(msgspec.Struct, frozen=True):
    """Try again this many seconds after the attempt ended."""

    seconds: float


class DisableEndpoint(msgspec.Struct, frozen=True):
    """The receiver says that it is gone for good (410)."""


Decision = Settle | RetryIn | DisableEndpoint


def decide(
    policy: Policy,
    *,
    attempt: int,
    outcome: Outcome,
    jitter: float,
    retry_after_seconds: float | None = None,
) -> Decision:
    """Return what follows attempt number ``attempt`` (1 is the first). ``jitter`` is a random number in [0, 1)."""
    if outcome is Outcome.SUCCEEDED:
        return Settle(delivered=True)
    if outcome is Outcome.HTTP_410:
        return DisableEndpoint()
    if attempt > policy.limit:
        return Settle(delivered=False)
    wait = policy.base_seconds * 2 ** (attempt - 1) * (1 + JITTER * jitter)
    if retry_after_seconds is not None:
        wait = max(wait, min(retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS))
    return RetryIn(wait)


def may_give_way(attempt: int, *, wait_seconds: float, since_success_seconds: float | None) -> bool:
    """Return whether a delivery that failed ``attempt`` times lets a newer one of its parcel pass (promise 4).

    It does from the sixth failure on, if the endpoint is otherwise healthy: it accepted another delivery since this
    one's previous attempt, which was half of the coming wait ago, apart from jitter. So one payload that an endpoint
    can't accept delays its parcel by a quarter of an hour, and while an endpoint is down everything waits in order.
    """
    if attempt < GIVES_WAY_AFTER or since_success_seconds is None:
        return False
    return since_success_seconds <= wait_seconds / 2 * (1 + JITTER)


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Return a Retry-After header as seconds from now, 0 to 24 h; None if it is missing or not valid.

    Both forms of RFC 9110 are read: whole seconds and a date.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text.strip()):
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
