"""How the pages format times and numbers and word states, reasons and errors."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from waypost.actions.delivery_words import OF_DELIVERIES
from waypost.domain.attempts import Outcome
from waypost.domain.connections import ConnectionState
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.endpoints import Ordering
from waypost.domain.history import Answered
from waypost.domain.inbound import PushResult
from waypost.domain.recoveries import Only, RecoveryState
from waypost.domain.retry import Policy
from waypost.domain.statuses import Status
from waypost.sources.couriers.table import couriers
from waypost.store.endpoints import NamedEndpoint

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_JUST_NOW: Final = 5
_LONGEST_IN_MS: Final = 10_000
_CLOCK: Final = "%H:%M:%S %Z"

STATES: Final = {
    Waiting.WAITING: ("Waiting", "clock"),
    Waiting.RETRYING: ("Retrying", "retry"),
    Waiting.BLOCKED: ("Queued behind earlier event", "clock"),
    Settled.DELIVERED: ("Succeeded", "check"),
    Settled.FAILED: ("Failed", "cross"),
    Settled.SUPERSEDED: ("Superseded", "skip"),
    Settled.CANCELLED: ("Cancelled", "skip"),
}
"""The label and icon of each delivery state. Parcels, not deliveries, are "Delivered"."""

RESULTS: Final = {
    Outcome.SUCCEEDED: "Succeeded (2xx)",
    Answered.ERROR: "Any error",
    Outcome.HTTP_5XX: "Server error (5xx)",
    Outcome.HTTP_4XX: "Rejected (4xx)",
    Outcome.HTTP_410: "Gone (410)",
    Outcome.HTTP_429: "Rate limited (429)",
    Outcome.HTTP_3XX: "Redirect (3xx)",
    Outcome.TIMED_OUT: "Timed out",
    Outcome.CONNECT_FAILED: "Connection failed",
    Outcome.DNS_FAILED: "Host not found",
    Outcome.TLS_FAILED: "TLS failed",
    Outcome.RESET: "Connection closed",
    Outcome.BAD_RESPONSE: "Invalid response",
    Outcome.ADDRESS_FORBIDDEN: "Address not allowed",
    Answered.NONE: "No attempt yet",
}
"""The label of each result of a delivery's last attempt."""

PARCEL_SIGNS: Final = {
    Status.PENDING: ("clock", ""),
    Status.NOTFOUND: ("clock", ""),
    Status.INFORECEIVED: ("clock", ""),
    Status.TRANSIT: ("retry", ""),
    Status.PICKUP: ("retry", ""),
    Status.UNDELIVERED: ("warning", "retrying"),
    Status.DELIVERED: ("check", "delivered"),
    Status.EXCEPTION: ("warning", "failed"),
    Status.EXPIRED: ("skip", "off"),
}
"""The icon and badge class of each parcel status."""

_SUBJECTS: Final = {"api key": "API key", "tracking": "Parcel", "trackings": "Parcels"}

ADDED_LATER: Final = "added_later"
"""The reason why an event has no delivery for an endpoint that did not exist yet."""

PENDING: Final = "pending"
"""The reason why no event of a parcel without a status has a delivery."""

REASONS: Final = {
    **OF_DELIVERIES,
    ADDED_LATER: "The endpoint was added later.",
    PENDING: "Pending is never sent: no update has given a status yet.",
}
"""Why an event was not sent to an endpoint, or why a delivery ended without success."""

RECOVERED: Final = {
    Only.FAILED: "Failed deliveries",
    Only.MISSED: "Missed while disabled",
    Only.ALL: "All events, including those that succeeded",
}
"""Which events a recovery sends."""

RECOVERY_STATES: Final = {
    RecoveryState.RUNNING: "running",
    RecoveryState.DONE: "done",
    RecoveryState.STOPPED: "stopped",
}

ORDERINGS: Final = {
    Ordering.ORDERED: "In order, one at a time",
    Ordering.LATEST: "Latest event only",
    Ordering.UNORDERED: "Immediately, in any order",
}
"""The order in which an endpoint receives the events of one parcel."""

PUSHED: Final = {
    PushResult.UPDATED: ("Changed its parcel", "check", "delivered"),
    PushResult.UNCHANGED: ("Nothing new", "check", ""),
    PushResult.REGISTERED: ("Parcel registered", "check", "delivered"),
    PushResult.UNKNOWN: ("Unknown parcel", "warning", "retrying"),
    PushResult.DUPLICATE: ("Sent again", "check", ""),
    PushResult.IGNORED: ("Ignored", "check", ""),
    PushResult.UNREADABLE: ("Unreadable", "warning", "failed"),
    PushResult.REFUSED: ("Rejected", "warning", "failed"),
}
"""The result of a push, with its icon and badge class."""

CONNECTION_STATES: Final = {
    ConnectionState.NEW: ("Not used yet", "clock", ""),
    ConnectionState.WORKS: ("Working", "check", "delivered"),
    ConnectionState.LIMITED: ("Rate limited", "clock", "retrying"),
    ConnectionState.REFUSED: ("Rejected", "warning", "failed"),
    ConnectionState.UNREADABLE: ("Unreadable responses", "warning", "failed"),
    ConnectionState.PAUSED: ("Disabled", "pause", "off"),
}
"""The label, icon and badge class of each state of a connection."""

ASKED: Final = {
    "new": "New checkpoints or facts",
    "unchanged": "No change",
    "unknown_number": "The carrier does not know the number",
}
"""The result of the last poll for a parcel. Any other value is the reason why it failed."""


def skip_reason(reason: str, status: str) -> str:
    """Return why an event made no delivery: whatever the endpoint is set to, pending is never sent."""
    return PENDING if status == Status.PENDING else reason


def courier_name(code: str) -> str:
    """Return a courier's name, or its code if the table does not list it."""
    known = couriers().get(code)
    return code if known is None else known.name


def action_words(action: str) -> str:
    """Return an action of the audit log in words: ``endpoint.secret_shown`` as "Endpoint: secret shown"."""
    subject, _, done = action.replace("_", " ").partition(".")
    return f"{_SUBJECTS.get(subject, subject.capitalize())}: {done}"


def endpoint_name(row: NamedEndpoint) -> str:
    """Return an endpoint's description, or its URL if it has none; deleted endpoints are marked as such."""
    return (row.description or row.url) + (" (deleted)" if row.deleted else "")


def ago(at: datetime | str | None, now: datetime) -> str:
    """Return a time relative to ``now``: ``3 minutes ago``, ``in 2 hours``."""
    if at is None:
        return "never"
    seconds = (now - _time(at)).total_seconds()
    distance = abs(seconds)
    if distance < _JUST_NOW:
        return "just now" if seconds >= 0 else "now"
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if distance >= unit:
            text = plural(int(distance // unit), name)
            return f"{text} ago" if seconds >= 0 else f"in {text}"
    return "just now"


def exactly(at: datetime | str | None, zone: tzinfo = UTC) -> str:
    """Return a time to the second in a time zone: ``2026-03-04 13:20:05 UTC``."""
    return "" if at is None else _in_zone(at, zone).strftime(f"%Y-%m-%d {_CLOCK}")


def clock_time(at: datetime | str, now: datetime, zone: tzinfo = UTC) -> str:
    """Return a time to the second in a time zone, with its date unless it is today: ``13:20:05 UTC``."""
    local = _in_zone(at, zone)
    return local.strftime(_CLOCK) if local.date() == now.astimezone(zone).date() else exactly(at, zone)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by name, or UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def duration(milliseconds: int | None) -> str:
    """Return a duration in its largest fitting unit: ``850 ms``, ``12 s``, ``5 min``; nothing if there is none."""
    if milliseconds is None:
        return ""
    if milliseconds < _LONGEST_IN_MS:
        return f"{number(milliseconds)} ms"
    seconds = round(milliseconds / 1000)
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{number(seconds // unit)} {name}"
    return f"{seconds} s"


def retries(policy: Policy) -> str:
    """Return how a failed delivery is retried, as a predicate: ``is retried 14 times over about 6 days``."""
    if policy.limit == 0:
        return "is not retried"
    seconds = policy.base_seconds * (2**policy.limit - 1)
    units = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))
    size, name = next(((size, name) for size, name in units if seconds >= 2 * size), units[-1])
    return f"is retried {plural(policy.limit, 'time')} over about {plural(max(1, round(seconds / size)), name)}"


def number(value: float) -> str:
    """Return a number with commas between thousands."""
    return f"{value:,}"


def percent(share: float) -> str:
    """Return a share as a percentage: never 100% for less than all, never 0% for more than none."""
    if share in (0, 1):
        return f"{share * 100:.0f}%"
    return f"{min(max(share * 100, 0.1), 99.9):.1f}%"


def sentence(text: str) -> str:
    """Return a remark as a sentence: capitalised, with a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, whose plural takes an s: ``3 webhooks``."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _in_zone(at: datetime | str, zone: tzinfo) -> datetime:
    return _time(at).astimezone(zone)


def _time(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at
