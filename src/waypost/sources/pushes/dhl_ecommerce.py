"""DHL eCommerce Americas: pushes that only the secret address authenticates."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.domain.readings import read_text
from waypost.domain.trackings import SkipReason
from waypost.sources import reading, scans
from waypost.sources.pushes import telling
from waypost.sources.reading import clean
from waypost.sources.sender import PushSender

NAME: Final = "dhl-ecommerce"
COURIER: Final = "dhlglobalmail"
_NUMBERS: Final = ("trackingId", "dspTrackingNumber", "dhlPackageId", "packageId")
"""Where a package's number may be, the best place first."""


class _Scan(msgspec.Struct, frozen=True, rename="camel"):
    date: str | None = None
    time: str | None = None
    primary_event_id: int | str | None = None
    primary_event_description: str | None = None
    secondary_event_desc: str | None = None
    location: str | None = None
    postal_code: str | None = None
    country: str | None = None


class _Package(msgspec.Struct, frozen=True):
    package: dict[str, Any] = {}
    events: tuple[msgspec.Raw, ...] | None = None


class _Body(msgspec.Struct, frozen=True):
    packages: tuple[_Package, ...]


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of DHL eCommerce; see ``sender.Verify``.

    DHL eCommerce sends no credential: who knows the address is the sender.
    """
    del push, credentials, now
    return "address"


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of DHL eCommerce; see ``sender.Read``."""
    packages = reading.decode(push.body, _Body).packages
    told = tuple(one for package in packages for one in _told(package, arrived_at))
    return Contents(telling.body_key(push), told, None if told else telling.NOT_A_NUMBER)


def _told(package: _Package, arrived_at: int) -> tuple[PushedParcel, ...]:
    taken = scans.take(package.events, _Scan, "events", _scan)
    numbers = (package.package.get(name) for name in _NUMBERS)
    number = next((text for one in numbers if (text := telling.number_of(one))), None)
    return telling.told(number, COURIER, taken, {}, arrived_at)


def _scan(event: _Scan) -> Checkpoint | SkipReason:
    detail = clean(event.primary_event_description)
    place = reading.place(city=event.location, zip=event.postal_code, country_code=event.country)
    return scans.scan(
        when=reading.iso_time(f"{event.date}T{event.time}" if event.time else event.date),
        detail=detail,
        where=place,
        says=read_text(detail or ""),
        raw_status=None if event.primary_event_id is None else clean(str(event.primary_event_id)),
    )


SENDER: Final = PushSender(
    name=NAME,
    title="DHL eCommerce Americas",
    kind=ConnectionKind.PUSH,
    fields=(),
    verify=verify,
    read=read,
    steps=(
        "Ask your contact at DHL eCommerce to set up tracking webhooks for your account.",
        "Give them the address. They need no secret: the address is one.",
    ),
    doc="""\
DHL eCommerce repeats a push that was not answered within 5 seconds after one hour and after another six hours, and
then never again. It sends no credential, so the address alone authenticates the pushes: replace it if anybody else
has seen it. Texts decide about a scan's status. The form of the pushes is that of DHL eCommerce's tracking API; it
has not been tried against DHL eCommerce.""",
)
