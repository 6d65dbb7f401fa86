"""The audit log: who did what, when and from where. Each entry holds the digest of the previous one."""

from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec


class Action(StrEnum):
    """The actions that are recorded."""

    SIGNED_IN = "user.signed_in"
    PASSWORD_REFUSED = "user.password_refused"  # noqa: S105 - a name
    PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - a name
    USER_ADDED = "user.added"
    USER_REMOVED = "user.removed"
    ADDRESS_CHANGED = "user.address_changed"
    ROLE_CHANGED = "user.role_changed"
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    QUOTA_CHANGED = "account.quota_changed"
    KEY_CREATED = "api_key.created"
    KEY_REVOKED = "api_key.revoked"
    ENDPOINT_ADDED = "endpoint.added"
    ENDPOINT_CHANGED = "endpoint.changed"
    ENDPOINT_ENABLED = "endpoint.enabled"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_DELETED = "endpoint.deleted"
    SECRET_SHOWN = "endpoint.secret_shown"  # noqa: S105 - a name
    SECRET_ROTATED = "endpoint.secret_rotated"  # noqa: S105 - a name
    ROTATION_ENDED = "endpoint.rotation_ended"
    RECOVERY_BEGUN = "recovery.begun"
    RECOVERY_STOPPED = "recovery.stopped"
    DELIVERIES_RESENT = "deliveries.resent"
    DELIVERIES_CANCELLED = "deliveries.cancelled"
    CONNECTION_ADDED = "connection.added"
    CONNECTION_CHANGED = "connection.changed"
    CONNECTION_DELETED = "connection.deleted"
    CONNECTION_SHARED = "connection.shared"
    CONNECTION_SECRET_SHOWN = "connection.secret_shown"  # noqa: S105 - a name
    ADDRESS_REPLACED = "connection.address_replaced"
    ALERT_CHANNEL_ADDED = "alert_channel.added"
    ALERT_CHANNEL_CHANGED = "alert_channel.changed"
    ALERT_CHANNEL_DELETED = "alert_channel.deleted"
    TRACKING_DELETED = "tracking.deleted"
    TRACKINGS_REREAD = "trackings.reread"
    CUSTOMER_ERASED = "customer.erased"


Changes = dict[str, tuple[str | None, str | None]]
"""The old and the new value of each changed field, by field name. Never contains a secret."""

BEGINNING: Final = bytes(32)
"""The digest that the first entry of an account refers to as its predecessor."""


class Entry(msgspec.Struct, frozen=True):
    """One entry. ``number`` counts from 1 within its account; ``at`` is Unix microseconds by the database's clock."""

    number: int
    at: int
    actor: str
    address: str | None
    action: str
    subject: str
    changes: Changes


def digest(previous: bytes, account: str, entry: Entry) -> bytes:
    """Return the digest that chains an entry to the previous one; changing or removing one breaks all that follow."""
    return sha256(previous + account.encode() + msgspec.json.encode(entry, order="sorted")).digest()
