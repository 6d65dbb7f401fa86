"""Who of several owns what, agreed without talking: the one with the highest hash of both (rendezvous hashing).

When one joins or leaves, only what it takes or had changes hands.
"""

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID


def owner(thing: UUID, members: Iterable[int]) -> int | None:
    """Give the member that owns a thing; None when there are no members. Their order does not matter."""
    return max(members, key=lambda member: (_weight(thing, member), member), default=None)


def _weight(thing: UUID, member: int) -> bytes:
    return blake2b(thing.bytes + member.to_bytes(8, signed=True), digest_size=8).digest()
