"""A connection: an account's credentials for one source, its health, and which connection answers for a parcel."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

REGISTERS_THERE: Final = "register_there"
"""The setting of a service that pushes by which parcels are registered there: ``yes`` or ``no``."""
ASKED_ELSEWHERE_AFTER: Final = 3
"""After this many "unknown number" answers in a row, the next plausible source is asked."""


class ConnectionKind(StrEnum):
    """What a source does: it is polled, it pushes, or it registers parcels."""

    CARRIER = "carrier"
    PUSH = "push"
    SHOP = "shop"


class ConnectionState(StrEnum):
    """The health of a connection.

    new          not asked yet
    works        the last answer could be read
    limited      its source wants to be asked later: until a time that is kept beside it
    refused      its source does not accept the credentials
    unreadable   its source answers, but nothing can be read: a changed format, or not the source at all
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
    """The connection that answers for a parcel; ``exhausted`` if all plausible ones said that they don't know it."""

    connection: UUID | None
    exhausted: bool = False


def choose(
    courier_code: str,
    detected: Sequence[str],
    candidates: Collection[Candidate],
    tried: Collection[UUID],
    *,
    registered: Collection[UUID] = (),
) -> Choice:
    """Return the connection to poll for a parcel.

    Those that answer for its courier code come first, then the services at which it is ``registered``, then those of
    the couriers that its number looks like, in the order of ``detected``; the account's own before the installation's,
    and older ones before newer ones (ids contain their time). A connection that was ``tried`` in vain is not asked
    again, unless all were: then the first one keeps the parcel.
    """
    own = [one.id for one in _in_order(candidates) if courier_code in one.courier_codes]
    others = [one.id for code in detected for one in _in_order(candidates) if code in one.courier_codes]
    ordered = list(dict.fromkeys((*own, *sorted(registered), *others)))
    left = [one for one in ordered if one not in tried]
    if left:
        return Choice(left[0])
    return Choice(ordered[0], exhausted=True) if ordered else Choice(None)


def _in_order(candidates: Collection[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (not one.own, one.id))
