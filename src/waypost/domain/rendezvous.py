"""Who of several owns an endpoint, agreed without talking: the one with the highest hash of both (rendezvous hashing).

The endpoints of one account are a group, of which each takes one before any takes another: with two dispatchers an
account's four endpoints are shared two and two, and no chance gives all of them to one. When a dispatcher joins or
leaves, little more than what it takes or had changes hands.
"""

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from uuid import UUID

from waypost.domain import ids


def owner(endpoint: UUID, members: Iterable[int]) -> int | None:
    """Give the member that owns an endpoint; None when there are no members. Their order does not matter."""
    group, place = ids.group_of(endpoint)
    everybody = frozenset(members)
    left: frozenset[int] = frozenset()
    chosen = None
    for before in range(place + 1):
        left = left or everybody
        chosen = max(left, key=partial(_weight, group, before), default=None)
        left -= {chosen}
    return chosen


def _weight(group: int, place: int, member: int) -> tuple[bytes, int]:
    return blake2b(f"{group} {place} {member}".encode(), digest_size=8).digest(), member
