"""A push: what a service sends to an account's address, what it says about parcels, and its result."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from waypost.domain.trackings import Update

LARGEST_PUSH: Final = 1 << 20
"""The maximum bytes of a push's body."""

MOST_PARCELS: Final = 1_000
"""The maximum parcels of a push: all of them are carried out in one transaction."""

KEPT_DAYS: Final = 7
"""How long a push that can't be read is kept, sealed, so that a later version can read it."""


class Push(msgspec.Struct, frozen=True):
    """What a service sent: the body as bytes, and the headers by their names in lower case.

    ``settings`` are those of its connection when it is read.
    """

    body: bytes
    headers: Mapping[str, str]
    settings: Mapping[str, str] = MappingProxyType({})


class WrongSignature(Exception):
    """A push that its sender did not authenticate; the text says what is wrong, and contains no secret."""


class PushedParcel(msgspec.Struct, frozen=True):
    """What a push says about one parcel.

    ``courier_code`` is None if the sender names no courier, or one that has no code here. ``given`` are facts for a
    parcel that is registered; ``registers`` says that it is registered whatever the connection's settings are.
    """

    tracking_number: str
    courier_code: str | None = None
    update: Update | None = None
    given: dict[str, str] = {}
    registers: bool = False


class ParcelToRegister(msgspec.Struct, frozen=True):
    """A parcel that is registered at a service, so that it pushes the parcel's updates."""

    tracking_number: str
    courier_code: str


class ShopShipment(msgspec.Struct, frozen=True):
    """A shop's shipment, by the shop's own id: its parcels are those that the push lists, in place of earlier ones.

    One that was ``cancelled`` has none any more. ``changed_at`` is the shop's own time, if it gives one: a shop repeats
    what failed, so an older push can arrive after a newer one, and then changes nothing.
    """

    id: str
    cancelled: bool = False
    changed_at: datetime | None = None


class Contents(msgspec.Struct, frozen=True):
    """What a push says: nothing that Waypost wants if ``told`` is empty, for the reason in ``note``.

    ``key`` identifies it among the pushes of its connection: a repeated one has the same key.
    """

    key: bytes
    told: tuple[PushedParcel, ...] = ()
    note: str | None = None
    shipment: ShopShipment | None = None

    @property
    def cancels(self) -> bool:
        """Whether a shipment was cancelled."""
        return self.shipment is not None and self.shipment.cancelled


class PushResult(StrEnum):
    """The result of a push.

    updated      it changed a parcel
    unchanged    all of it was known
    registered   it registered a parcel
    unknown      no parcel of the account has its number
    duplicate    the same push was read before
    ignored      it says nothing that is wanted, such as a test of the address
    unreadable   it can't be read, or lists more than 1,000 parcels; it is kept for seven days
    refused      its signature or credential is wrong
    """

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REGISTERED = "registered"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
