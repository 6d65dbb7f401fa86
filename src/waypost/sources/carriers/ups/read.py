"""UPS' answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel."""

from collections.abc import Iterator
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.reading import clean

_OK: Final = 200
_UNKNOWN: Final = frozenset({"TW0001", "TV1003", "TV1002"})
"""Tracking information not found, as a warning in a 200; not in the database; and not one of their numbers."""

_TABLES: Final = codes.load(__package__)
_DAY_AND_TIME: Final = "%Y%m%d%H%M%S"
_PARTS: Final = 3
_WINDOWS: Final = frozenset({"EDW", "CDW", "IDW"})
_UTC_DAY_AND_TIME: Final = "%Y%m%d%H:%M:%S"


class _Address(msgspec.Struct, frozen=True, rename="camel"):
    city: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country_code: str | None = None


class _Place(msgspec.Struct, frozen=True, rename="camel"):
    address: _Address | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    """``code`` has two letters in a scan, three digits in the current status."""

    type: str | None = None
    code: str | None = None
    description: str | None = None
    status_code: str | None = None


class _Activity(msgspec.Struct, frozen=True, rename="camel"):
    """One scan; ``date`` and ``time`` are local, ``gmtDate`` and ``gmtTime`` UTC."""

    date: str | None = None
    time: str | None = None
    gmt_date: str | None = None
    gmt_time: str | None = None
    gmt_offset: str | None = None
    location: _Place | None = None
    status: _Status | None = None


class _Dated(msgspec.Struct, frozen=True):
    type: str | None = None
    date: str | None = None


class _DeliveryTime(msgspec.Struct, frozen=True, rename="camel"):
    type: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class _Delivery(msgspec.Struct, frozen=True, rename="camel"):
    received_by: str | None = None


class _Weight(msgspec.Struct, frozen=True, rename="camel"):
    unit_of_measurement: str | None = None
    weight: str | None = None


class _Service(msgspec.Struct, frozen=True):
    code: str | None = None
    description: str | None = None


class _Numbered(msgspec.Struct, frozen=True):
    type: str | None = None
    number: str | None = None


class _PackageAddress(msgspec.Struct, frozen=True):
    type: str | None = None
    address: _Address | None = None


class _Package(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None
    activity: tuple[msgspec.Raw, ...] = ()
    current_status: _Status | None = None
    delivery_date: tuple[msgspec.Raw, ...] = ()
    delivery_time: msgspec.Raw = msgspec.Raw(b"null")
    delivery_information: _Delivery | None = None
    weight: _Weight | None = None
    service: _Service | None = None
    package_address: tuple[msgspec.Raw, ...] = ()
    reference_number: tuple[msgspec.Raw, ...] = ()
    alternate_tracking_number: tuple[msgspec.Raw, ...] = ()
    package_count: int | None = None


class _Warning(msgspec.Struct, frozen=True):
    code: str | None = None


class _Shipment(msgspec.Struct, frozen=True):
    package: tuple[_Package, ...] = ()
    warnings: tuple[_Warning, ...] = ()


class _TrackResponse(msgspec.Struct, frozen=True):
    shipment: tuple[_Shipment, ...] = ()


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    track_response: _TrackResponse


class _Errors(msgspec.Struct, frozen=True):
    errors: tuple[_Warning, ...] = ()


class _Problem(msgspec.Struct, frozen=True):
    response: _Errors


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what UPS' answer says about a number. Raise CarrierUnavailable if it can't be read.

    "No such number" counts only with UPS' own codes: a proxy's 404 must not turn every parcel into one that was not
    found.
    """
    if status != _OK:
        problem = reading.decode(body, _Problem)
        if any(error.code in _UNKNOWN for error in problem.response.errors):
            return Update(Source.POLL, unknown_number=True)
        raise CarrierUnavailable(f"the carrier answered {status}")
    shipments = reading.decode(body, _Answer).track_response.shipment
    packages = _choose(shipments, tracking_number)
    if not packages:
        if any(warning.code in _UNKNOWN for one in shipments for warning in one.warnings):
            return Update(Source.POLL, unknown_number=True)
        raise CarrierUnavailable("the response has no package")
    package, taken = scans.began_latest((one, _activities(one)) for one in packages)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(package), skipped=taken.skipped)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of UPS says by the codes known today; None unless its three parts are all there."""
    parts = (kept.raw_status or "").split("/")
    if len(parts) != _PARTS:
        return None
    kind, letters, digits = parts
    return _interpret(_Status(type=kind, code=letters, description=kept.tracking_detail, status_code=digits))


def _choose(shipments: tuple[_Shipment, ...], tracking_number: str) -> list[_Package]:
    """Return the packages with that number: a shipment has several, and UPS uses numbers again for other shipments."""
    packages = [package for shipment in shipments for package in shipment.package]
    own = [package for package in packages if (package.tracking_number or "").strip().upper() == tracking_number]
    return own or (packages if len(packages) == 1 else [])


def _activities(package: _Package) -> scans.Scans:
    return scans.take(package.activity, _Activity, "activity", _scan)


def _scan(activity: _Activity) -> Checkpoint | SkipReason:
    status = activity.status or _Status()
    local = reading.when(f"{activity.date}{activity.time}", _DAY_AND_TIME, activity.gmt_offset)
    utc = reading.when(f"{activity.gmt_date}{activity.gmt_time}", _UTC_DAY_AND_TIME)
    address = _address(activity.location)
    return scans.scan(
        when=local and reading.offset_between(local, utc),
        detail=clean(status.description),
        where=reading.place(
            city=address.city,
            state=address.state_province,
            zip=address.postal_code,
            country_code=address.country_code,
        ),
        says=_interpret(status),
        raw_status=_raw_status(status),
    )


def _interpret(status: _Status) -> Reading:
    codes_of_it = (
        (status.status_code, _TABLES["status_code"]),
        (status.code, _TABLES["code"]),
        (status.type, _TABLES["type"]),
    )
    return codes.interpret(codes_of_it, [status.description])


def _raw_status(status: _Status) -> str | None:
    """Return type, letters and digits as UPS wrote them, such as ``D/FS/011``."""
    return "/".join(part for text in (status.type, status.code, status.status_code) if (part := clean(text))) or None


def _facts(package: _Package) -> dict[str, str]:
    addresses = {one.type: one.address for one in reading.each(package.package_address, _PackageAddress)}
    origin, destination = addresses.get("ORIGIN") or _Address(), addresses.get("DESTINATION") or _Address()
    return reading.known(
        {
            "service_code": None if package.service is None else clean(package.service.description),
            "pieces": str(package.package_count) if (package.package_count or 0) > 0 else None,
            "scheduled_delivery_date": _scheduled(package),
            **_window(package),
            "signed_by": _signed_by(package),
            "reference_number": next(_numbers(package.reference_number), None),
            "destination_track_number": next(_numbers(package.alternate_tracking_number), None),
            "origin_country": reading.country(origin.country_code),
            "origin_state": clean(origin.state_province),
            "origin_city": clean(origin.city),
            "destination_country": reading.country(destination.country_code),
            "destination_state": clean(destination.state_province),
            "destination_city": clean(destination.city),
            **(reading.weight(package.weight.weight, package.weight.unit_of_measurement) if package.weight else {}),
        }
    )


def _scheduled(package: _Package) -> str | None:
    """Return the day of a rescheduled delivery, otherwise the scheduled one; ``DEL`` is when it was delivered."""
    days = {one.type: one.date for one in reading.each(package.delivery_date, _Dated)}
    written = reading.when(days.get("RDD") or days.get("SDD") or "", "%Y%m%d")
    return None if written is None else written.wall_time[:10]


def _window(package: _Package) -> dict[str, str]:
    """Return the window of the scheduled delivery: estimated, confirmed or important, but not the end of the day."""
    told = answers.decode_part(package.delivery_time, _DeliveryTime, "deliveryTime")
    day = _scheduled(package)
    if not isinstance(told, _DeliveryTime) or told.type not in _WINDOWS or day is None:
        return {}
    begins, ends = (reading.when(f"{day}{time}", "%Y-%m-%d%H%M%S") for time in (told.start_time, told.end_time))
    return reading.window(begins, ends)


def _signed_by(package: _Package) -> str | None:
    """Return who received a delivered parcel."""
    delivered = package.current_status is not None and (package.current_status.type or "").strip() == "D"
    return clean(package.delivery_information.received_by) if delivered and package.delivery_information else None


def _numbers(raw: tuple[msgspec.Raw, ...]) -> Iterator[str]:
    return (number for one in reading.each(raw, _Numbered) if (number := clean(one.number)))


def _address(place: _Place | None) -> _Address:
    return _Address() if place is None or place.address is None else place.address
