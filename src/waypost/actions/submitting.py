"""The way of actions into intake: what intake can't write now becomes a refusal."""

from collections.abc import Sequence

from waypost.actions.refusals import Busy, Conflict, Refusal, TooManyWaiting, Unavailable
from waypost.intake.collector import (
    AccountOverloaded,
    Intake,
    IntakeUnavailable,
    KeyConflict,
    Overloaded,
    StillRunning,
)
from waypost.intake.lines import Once
from waypost.intake.requests import Request, Result

_NOT_WRITTEN = (Overloaded, IntakeUnavailable, KeyConflict, StillRunning)


async def submit(intake: Intake, requests: Sequence[Request]) -> list[Result]:
    """Return a result for each request once all are durable. Raise TooManyWaiting, Busy or Unavailable."""
    try:
        return await intake.submit(requests)
    except _NOT_WRITTEN as error:
        raise _refusal_of(error) from None


async def submit_once(intake: Intake, requests: Sequence[Request], once: Once) -> bytes:
    """Write the requests once per key, and return the answer of the first call.

    Raise as ``submit``, and Conflict: ``still_running`` while the first call runs, ``idempotency_conflict`` if it was
    another request.
    """
    try:
        return await intake.submit_once(requests, once)
    except _NOT_WRITTEN as error:
        raise _refusal_of(error) from None


def _refusal_of(error: Exception) -> Refusal:
    match error:
        case AccountOverloaded():
            return TooManyWaiting(str(error))
        case Overloaded():
            return Busy(str(error))
        case KeyConflict():
            return Conflict("idempotency_conflict", "This Idempotency-Key was used with another body.")
        case StillRunning():
            return Conflict("still_running", "The first request with this key is still running.")
        case _:
            return Unavailable(str(error))
