"""The data of the public page of a parcel."""

from hashlib import blake2b
from uuid import UUID

import msgspec

from waypost.domain.ids import bucket
from waypost.domain.trackings import TrackingState
from waypost.store.statements import Session, fetch_one
from waypost.store.states import unpack


class TrackPage(msgspec.Struct, frozen=True):
    """A parcel, its shop's name and colour (None: the default), and the sites that may frame its page."""

    packed: bytes
    shop: str
    accent: str | None
    embed_origins: list[str]

    @property
    def digest(self) -> bytes:
        """Return a version of 16 bytes that differs for each state of the parcel."""
        return blake2b(self.packed, digest_size=16).digest()

    def state(self) -> TrackingState:
        """Return the parcel's state, which takes a while to read."""
        return unpack(self.packed)


async def find(session: Session, tracking: UUID) -> TrackPage | None:
    """Return what the page of a tracking shows; None if there is no such tracking."""
    row = await fetch_one(session, "track_page", [bucket(tracking)], tracking)
    return None if row is None else TrackPage(row["state"], row["shop"], row["accent"], row["embed_origins"])
