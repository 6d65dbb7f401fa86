"""Which of several members owns an endpoint, agreed without communication: rendezvous hashing.

The member with the highest hash of member and endpoint owns it. The endpoints of one account are a group: each member
takes one of them before any takes another. So two dispatchers share an account's four endpoints two and two, and chance
can't give all of them to one. When a dispatcher joins or leaves, few endpoints change hands besides its own.
"""

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b
from uuid import UUID

from waypost.domain import ids


def owner(endpoint: UUID, members: Iterable[int]) -> int | None:
    """Return the member that owns an endpoint; None if there are no members. Their order does not matter."""
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
