"""Ids that hold their time and their bucket, so that any id finds its row without a search.

Each is a UUIDv7 (RFC 9562) whose ``rand_a`` holds the bucket in its low eight bits; an endpoint has no bucket; its id
holds its group and place there, by which dispatchers share the endpoints. On the wire a tracking's id is 32 lowercase
hex characters; the others have a prefix.
"""

import re
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

BUCKETS: Final = 256
PLACES: Final = 4
"""The number of an account's endpoints that have places of their own; most accounts have no more."""

_GROUPS: Final = 1023
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_RANDOM_BITS: Final = (1 << 62) - 1

FIRST: Final = UUID(int=0)
LAST: Final = UUID(int=253_402_300_799_000 << 80)
"""Ids before all others and, from the end of the year 9999, after all others."""

EVENT: Final = "evt_"
DELIVERY: Final = "dlv_"
ENDPOINT: Final = "ep_"
ACCOUNT: Final = "acc_"
API_KEY: Final = "key_"
USER: Final = "usr_"
RECOVERY: Final = "rec_"
BULK_ACTION: Final = "blk_"
CONNECTION: Final = "con_"
INCIDENT: Final = "inc_"
ALERT: Final = "alr_"
ALERT_CHANNEL: Final = "ach_"
LETTER: Final = "ltr_"


def bucket_of(account: UUID, tracking_number: str) -> int:
    """Return the bucket (0…255) of an account's tracking number. The courier is left out: it may be corrected later."""
    return blake2b(account.bytes + tracking_number.encode(), digest_size=1).digest()[0]


def make_id(at: int, bucket: int, random: int) -> UUID:
    """Return an id made of a time (Unix milliseconds), a bucket and 62 random bits."""
    return UUID(int=at << 80 | 0x7 << 76 | bucket << 64 | 0b10 << 62 | random & _RANDOM_BITS)


def make_endpoint_id(at: int, account: UUID, place: int, random: int) -> UUID:
    """Return an endpoint's id, which holds its place (0…3) in a group that all endpoints of its account share."""
    group = 1 + int.from_bytes(blake2b(account.bytes, digest_size=8).digest()) % _GROUPS
    return make_id(at, group * PLACES + place, random)


def group_of(endpoint: UUID) -> tuple[int, int]:
    """Return an endpoint's group and its place there; an id from before groups existed is its own group."""
    group, place = divmod(endpoint.int >> 64 & 0xFFF, PLACES)
    return (group, place) if group else (endpoint.int, 0)


def bucket(identifier: UUID) -> int:
    """Return the bucket that an id holds."""
    return identifier.int >> 64 & 0xFF


def made_at(identifier: UUID) -> int:
    """Return the time that an id holds, in Unix milliseconds."""
    return identifier.int >> 80


def first_at(at: datetime) -> UUID:
    """Return the smallest id of an aware time."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def to_text(prefix: str, identifier: UUID) -> str:
    """Return an id as it is written on the wire; the prefix of a tracking is empty."""
    return prefix + identifier.hex


def from_text(prefix: str, text: str) -> UUID | None:
    """Return the id read from its wire form; None for anything that can't be an id with this prefix."""
    if not text.startswith(prefix) or not _HEX.fullmatch(text[len(prefix) :]):
        return None
    identifier = UUID(hex=text[len(prefix) :])
    return identifier if identifier.version == 7 else None  # noqa: PLR2004 - a UUIDv7
