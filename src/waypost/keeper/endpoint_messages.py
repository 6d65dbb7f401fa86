"""The messages about an endpoint for its owner. They stay the same while nothing happens."""

from typing import Final

from waypost.domain import ids
from waypost.domain.attempts import ERRORS
from waypost.domain.endpoint_health import TRIES_BEFORE_WARNING, Condition, Judgement
from waypost.domain.endpoints import DisabledReason
from waypost.domain.incidents import Kind, Trouble
from waypost.domain.times import rfc3339, rfc3339_or_none, spoken
from waypost.store.endpoint_health import HealthRow

_REPAIR: Final = "Fix the program at this URL, or correct the URL; then press Try now on the endpoint's page."
_WAITING: Final = "Its webhooks wait, and are sent in order as soon as it accepts them."
_NEVER: Final = "Waypost keeps retrying it and does not disable it."


def failing(row: HealthRow, judged: Judgement) -> Trouble:
    """Return the trouble of an endpoint that does not accept webhooks."""
    error = ERRORS.get(row.last_error or "", "Its last attempt failed.")
    if judged.condition is Condition.REJECTING or row.failing_since is None:
        message = (
            f"{_name(row)} accepts webhooks but has rejected at least one delivery {TRIES_BEFORE_WARNING} times."
            " Its receiver may not be able to process that payload. View the failed attempts in the webhook history."
        )
        return _trouble(row, Kind.ENDPOINT_FAILING, message)
    message = (
        f"{_name(row)} has not accepted any webhook since {spoken(row.failing_since)}. {error} {_REPAIR} {_WAITING} "
    )
    if judged.disables_at is None:
        message += _NEVER
    else:
        message += f"If every attempt fails until {spoken(judged.disables_at)}, Waypost disables it."
        message += " What it misses after that can be recovered later."
    return _trouble(
        row,
        Kind.ENDPOINT_FAILING,
        message,
        stage=judged.stage,
        failing_since=rfc3339(row.failing_since),
        last_error=row.last_error,
        disables_at=rfc3339_or_none(judged.disables_at),
    )


def disabled(row: HealthRow) -> Trouble:
    """Return the trouble of an endpoint that was disabled, not by a person."""
    when = "" if row.off_since is None else f" on {spoken(row.off_since)}"
    if row.disabled_reason == DisabledReason.GONE:
        message = (
            f"{_name(row)} was disabled{when} because it responded with 410 Gone. New events are not sent to it."
            " Enable it on its page when it accepts webhooks again, or delete it."
        )
    else:
        then = "recovers" if row.recover_automatically else "offers to recover"
        message = (
            f"{_name(row)} was disabled{when} because every attempt had failed for days. New events are not sent to it."
            " Fix the program at this URL, or correct the URL; then press Enable on the endpoint's page"
            ", and recover the events that it missed. Waypost also tests it every hour; when it responds, Waypost"
            f" enables it and {then} those events."
        )
    disabled_at = rfc3339_or_none(row.off_since)
    return _trouble(row, Kind.ENDPOINT_DISABLED, message, disabled_at=disabled_at, reason=row.disabled_reason)


def ending(row: HealthRow, kind: Kind, now: Kind | None) -> str:
    """Return how an endpoint's incident of a kind ended; ``now`` is the kind of the one that it has now."""
    if row.deleted:
        return f"{row.url} was deleted."
    if row.disabled_reason == DisabledReason.USER:
        return f"{row.url} was disabled by a user."
    if kind is Kind.ENDPOINT_FAILING:
        disabled_now = now is Kind.ENDPOINT_DISABLED
        return f"{row.url} was disabled." if disabled_now else f"{row.url} accepts webhooks again."
    if row.enabled:
        return f"{row.url} was enabled by a user."
    if row.recover_automatically:
        return f"{row.url} responded to a test and was enabled. The events that it missed are being recovered."
    return f"{row.url} responded to a test and was enabled. Recover the events that it missed on its page."


def _trouble(row: HealthRow, kind: Kind, message: str, *, stage: int = 0, **details: str | None) -> Trouble:
    subject, description = ids.to_text(ids.ENDPOINT, row.id), row.description or None
    return Trouble(row.account, kind, subject, message, stage, {"url": row.url, "description": description, **details})


def _name(row: HealthRow) -> str:
    return f"{row.description} ({row.url})" if row.description else row.url
