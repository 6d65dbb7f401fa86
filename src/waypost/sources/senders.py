"""All services that push to Waypost: aggregators and carriers (``pushes``), and shop platforms (``shops``)."""

from waypost.domain.carriers import CarrierUnreadable
from waypost.domain.inbound import Contents, Push
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
    return sender.read(push, arrived_at)
