"""A connection: an account's credentials for one source. How it does, and which one answers for a parcel."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

ASKED_ELSEWHERE_AFTER: Final = 3
"""So many "unknown number" in a row let the next plausible source be asked."""


class ConnectionKind(StrEnum):
    """What a source does: it is asked, it pushes, or it registers parcels."""

    CARRIER = "carrier"
    PUSH = "push"
    SHOP = "shop"


class ConnectionState(StrEnum):
    """How a connection does.

    new          nothing was asked yet
    works        the last answer could be read
    limited      its source wants to be asked later: until a time that is kept beside it
    refused      its source does not accept the credentials
    unreadable   its source answers, and nothing of it can be read: a changed format, or not the source at all
    paused       it was disabled, by a person or with its carrier's settings
    """

    NEW = "new"
    WORKS = "works"
    LIMITED = "limited"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    PAUSED = "paused"


class Candidate(msgspec.Struct, frozen=True):
    """A connection that could answer for a parcel; ``own`` is the account's own, the others are the installation's."""

    id: UUID
    source: str
    courier_codes: frozenset[str]
    own: bool


class Choice(msgspec.Struct, frozen=True):
    """Who answers for a parcel; ``exhausted`` when all that are plausible have said that they do not know it."""

    connection: UUID | None
    exhausted: bool = False


def choose(
    courier_code: str, detected: Sequence[str], candidates: Collection[Candidate], tried: Collection[UUID]
) -> Choice:
    """Return which connection is asked for a parcel.

    Those that answer for its courier code come first, then those of the couriers that its number looks like, in the
    order of ``detected``; the account's own before the installation's, the older before the newer (ids hold their
    time). One that was ``tried`` in vain is not asked again, unless all were: then the first one stays with it.
    """
    ordered = [
        candidate.id
        for code in dict.fromkeys((courier_code, *detected))
        for candidate in sorted(candidates, key=lambda one: (not one.own, one.id))
        if code in candidate.courier_codes
    ]
    left = [one for one in ordered if one not in tried]
    if left:
        return Choice(left[0])
    return Choice(ordered[0], exhausted=True) if ordered else Choice(None)
