"""What the public page of a parcel is made of."""

from uuid import UUID

import msgspec

from waypost.domain.ids import bucket
from waypost.domain.trackings import TrackingState
from waypost.store.statements import Session, fetch_one
from waypost.store.states import unpack


class TrackPage(msgspec.Struct, frozen=True):
    """A parcel, its shop's name and colour (None: the usual one), and the sites that may frame its page."""

    state: TrackingState
    shop: str
    accent: str | None
    embed_origins: list[str]


async def find(session: Session, tracking: UUID) -> TrackPage | None:
    """Give what the page of a tracking shows; None when there is no such tracking."""
    row = await fetch_one(session, "track_page", [bucket(tracking)], tracking)
    return None if row is None else TrackPage(unpack(row["state"]), row["shop"], row["accent"], row["embed_origins"])
