"""All services that push to Waypost: aggregators and carriers (``pushes``), and shop platforms (``shops``)."""

from waypost.domain.carriers import CarrierUnreadable
from waypost.domain.inbound import MOST_PARCELS, Contents, Push
from waypost.sources import pushes, shops
from waypost.sources.sender import PushSender


def senders() -> tuple[PushSender, ...]:
    """Return the description of every service that pushes."""
    return (*pushes.senders(), *shops.senders())


def find(name: str) -> PushSender | None:
    """Return the service with that name, or None."""
    return next((sender for sender in senders() if sender.name == name), None)


def read(source: str, push: Push, arrived_at: int) -> Contents:
    """Return what a push of a source says. Raise CarrierUnreadable."""
    sender = find(source)
    if sender is None:
        raise CarrierUnreadable(f"this version of Waypost does not know the source {source}")
    contents = sender.read(push, arrived_at)
    if len(contents.told) > MOST_PARCELS:
        raise CarrierUnreadable(f"it lists more than {MOST_PARCELS:,} parcels")
    return contents
