"""How the pages say times, numbers and states."""

from datetime import UTC, datetime
from typing import Final

from waypost.domain.attempts import Outcome
from waypost.domain.connections import ConnectionState
from waypost.domain.deliveries import Reason, Settled, Waiting
from waypost.domain.endpoints import Ordering, Skip
from waypost.domain.recoveries import Only, RecoveryState
from waypost.domain.statuses import Status
from waypost.sources.couriers.table import couriers
from waypost.store.endpoints import NamedEndpoint

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_JUST_NOW: Final = 5

STATES: Final = {
    Waiting.WAITING: ("Waiting", "clock"),
    Waiting.RETRYING: ("Retrying", "retry"),
    Waiting.BLOCKED: ("Behind another", "clock"),
    Settled.DELIVERED: ("Delivered", "check"),
    Settled.FAILED: ("Failed", "cross"),
    Settled.SUPERSEDED: ("Superseded", "skip"),
    Settled.CANCELLED: ("Cancelled", "skip"),
}
"""A delivery's states in words, each with its icon."""

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
"""A parcel's statuses, each with its icon and the kind of badge it is shown as."""

ADDED_LATER: Final = "added_later"
"""Why an event made no delivery for an endpoint that was not there yet."""

REASONS: Final = {
    Reason.ENDPOINT_OFF: "The endpoint was turned off or deleted.",
    Reason.USER: "Somebody cancelled it.",
    Reason.TRACKING_DELETED: "Its parcel was deleted.",
    Reason.NEWER_EVENT: "A newer event of the parcel took its place.",
    Reason.EXPIRED: "It waited for as long as the history is kept.",
    Reason.UNRENDERABLE: "Its event is gone.",
    Reason.CRASHES: "Sending it failed on our side, again and again; the log says why.",
    Reason.FATAL: "Each time it was sent the process that sends died, also when it was sent alone; the log says when.",
    Skip.OFF: "The endpoint was off.",
    Skip.STATUS: "The endpoint has not chosen this status.",
    Skip.TRIGGER: "The endpoint wants changes of the status only, and this was none.",
    ADDED_LATER: "The endpoint was added later.",
}
"""Why something was not sent, or not to its end."""


RECOVERED: Final = {
    Only.FAILED: "What failed",
    Only.MISSED: "What was missed while it was off",
    Only.ALL: "Everything, also what was delivered",
}
"""What a recovery is about."""

RECOVERY_STATES: Final = {
    RecoveryState.RUNNING: "under way",
    RecoveryState.DONE: "done",
    RecoveryState.STOPPED: "stopped",
}

ORDERINGS: Final = {
    Ordering.ORDERED: "One after the other",
    Ordering.LATEST: "Only the newest",
    Ordering.UNORDERED: "At once, in no order",
}
"""How an endpoint gets the updates of one parcel."""


CONNECTION_STATES: Final = {
    ConnectionState.NEW: ("Not asked yet", "clock", ""),
    ConnectionState.WORKS: ("Works", "check", "delivered"),
    ConnectionState.LIMITED: ("Limited", "clock", "retrying"),
    ConnectionState.REFUSED: ("Refused", "warning", "failed"),
    ConnectionState.UNREADABLE: ("Unreadable answers", "warning", "failed"),
    ConnectionState.PAUSED: ("Paused", "pause", "off"),
}
"""How a connection does, each state with its icon and the kind of badge it is shown as."""

ASKED: Final = {
    "new": "Something new",
    "unchanged": "Nothing new",
    "unknown_number": "The carrier does not know the number",
}
"""What came of the last ask for a parcel; anything else is why it brought nothing."""

ERRORS: Final = {
    Outcome.DNS_FAILED: "Its host name can't be looked up.",
    Outcome.ADDRESS_FORBIDDEN: "Its address is one that nothing is sent to.",
    Outcome.CONNECT_FAILED: "No connection can be made.",
    Outcome.TLS_FAILED: "The TLS connection fails: see its certificate.",
    Outcome.TIMED_OUT: "It does not answer in time.",
    Outcome.RESET: "It ends the connection before it has answered.",
    Outcome.BAD_RESPONSE: "It answers something that is not HTTP.",
    Outcome.HTTP_3XX: "It answers with a redirect, which is not followed.",
    Outcome.HTTP_4XX: "It refuses the webhooks (4xx).",
    Outcome.HTTP_410: "It answered that it is gone for good (410).",
    Outcome.HTTP_429: "It wants fewer requests (429).",
    Outcome.HTTP_5XX: "It fails (5xx).",
}
"""How an endpoint fails, by its last error."""


def courier_name(code: str) -> str:
    """Say a courier's name; one that the table does not know by its code."""
    known = couriers().get(code)
    return code if known is None else known.name


def endpoint_name(row: NamedEndpoint) -> str:
    """Say which endpoint, deleted ones too: by its description, else its URL."""
    return (row.description or row.url) + (" (deleted)" if row.deleted else "")


def ago(at: datetime | str | None, now: datetime) -> str:
    """Say how long ago, or in how long, a time is: ``3 minutes ago``, ``in 2 hours``."""
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


def exactly(at: datetime | str | None) -> str:
    """Say a time to the second: ``2026-03-04 13:20:05 UTC``."""
    return "" if at is None else _time(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: float) -> str:
    """Group a number's digits by thousands with narrow spaces."""
    return f"{value:,}".replace(",", "\u202f")


def percent(share: float) -> str:
    """Say a share in percent: never 100 for less than all, never 0 for more than none."""
    if share in (0, 1):
        return f"{share * 100:.0f}\u202f%"
    return f"{min(max(share * 100, 0.1), 99.9):.1f}\u202f%"


def sentence(text: str) -> str:
    """Say a remark as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def plural(count: int, noun: str) -> str:
    """Say a number of things, of which more than one take an s: ``3 webhooks``."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _time(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at
