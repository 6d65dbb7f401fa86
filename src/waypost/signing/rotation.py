"""The header lines of an attempt while an endpoint's secret is changed.

Until the overlap ends ``webhook-signature`` carries the signatures of both secrets, and the V4 ``signature``, of
which there can be only one, is made with the previous secret: a receiver may change over at any time between.
"""

from dataclasses import dataclass, field

from waypost.signing import standard, v4

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Secrets:
    """An endpoint's secret and, until ``overlap_until`` (Unix seconds), the one before it. Its repr shows neither."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    overlap_until: int = 0

    def previous_at(self, timestamp: int) -> str | None:
        """Give the previous secret if it still holds at a time (Unix seconds)."""
        return self.previous if timestamp < self.overlap_until else None


def v4_headers(secrets: Secrets, timestamp: int) -> Headers:
    """Give the lines ``timestamp`` and ``signature`` of an attempt begun at a time (Unix seconds)."""
    secret = secrets.previous_at(timestamp) or secrets.current
    return (("timestamp", str(timestamp)), ("signature", v4.sign(timestamp, secret)))


def standard_headers(secrets: Secrets, message_id: str, timestamp: int, body: bytes) -> Headers:
    """Give the lines ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``: the current secret's comes first.

    Raises InvalidSecret for a secret that has no key.
    """
    signature = standard.sign(message_id, timestamp, body, standard.key_of(secrets.current))
    previous = secrets.previous_at(timestamp)
    if previous is not None:
        signature += " " + standard.sign(message_id, timestamp, body, standard.key_of(previous))
    return (("webhook-id", message_id), ("webhook-timestamp", str(timestamp)), ("webhook-signature", signature))
