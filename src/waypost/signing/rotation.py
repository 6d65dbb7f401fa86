"""The signature headers of an attempt, also while an endpoint's secret is rotated.

Until the overlap ends, ``webhook-signature`` carries the signatures of both secrets, and the V4 ``signature``, of which
there can be only one, is made with the previous secret. A receiver can switch at any time in between.
"""

from dataclasses import dataclass, field

from waypost.signing import standard, v4

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Secrets:
    """An endpoint's secret and, until ``overlap_until`` (Unix seconds), the previous one. Its repr shows neither."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    overlap_until: int = 0

    def previous_at(self, timestamp: int) -> str | None:
        """Return the previous secret if it is still valid at a time (Unix seconds)."""
        return self.previous if timestamp < self.overlap_until else None


def v4_headers(secrets: Secrets, timestamp: int) -> Headers:
    """Return the header lines ``timestamp`` and ``signature`` of an attempt that begins at a time (Unix seconds)."""
    secret = secrets.previous_at(timestamp) or secrets.current
    return (("timestamp", str(timestamp)), ("signature", v4.sign(timestamp, secret)))


def standard_headers(secrets: Secrets, message_id: str, timestamp: int, body: bytes) -> Headers:
    """Return the lines ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, current secret first.

    Raise InvalidSecret for a secret without a key.
    """
    signature = standard.sign(message_id, timestamp, body, standard.key_of(secrets.current))
    previous = secrets.previous_at(timestamp)
    if previous is not None:
        signature += " " + standard.sign(message_id, timestamp, body, standard.key_of(previous))
    return (("webhook-id", message_id), ("webhook-timestamp", str(timestamp)), ("webhook-signature", signature))
