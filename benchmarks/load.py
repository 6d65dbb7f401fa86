"""The load: parcels that go through eight scans, as updates for Waypost and as the resulting webhook bodies."""

from collections.abc import Iterator

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import Version
from waypost.domain.statuses import Status
from waypost.domain.trackings import Source, TrackingState, Update, apply, register
from waypost.payloads import render

COURIER = "dhl"
SCANS = 8
_REGISTERED_AT = 1_790_000_000_000
_STEPS = (
    ("transit001", "Shipment picked up", "Bremen, DE, 28309"),
    ("transit002", "Arrived at the parcel centre of departure", "Bremen, DE, 28309"),
    ("transit002", "Processed in the parcel centre of departure", "Bremen, DE, 28309"),
    ("transit002", "On its way to the destination", "Bremen, DE, 28309"),
    ("transit002", "Arrived at the parcel centre of destination", "Neuwied, DE, 56566"),
    ("pickup001", "Out for delivery", "Neuwied, DE, 56566"),
    ("undelivered002", "Nobody was at home", "Neuwied, DE, 56564"),
    ("delivered001", "Delivered", "Neuwied, DE, 56564"),
)


def number(parcel: int) -> str:
    return f"BENCH{parcel:08}"


def checkpoints(scans: int) -> tuple[Checkpoint, ...]:
    """Return the whole list as a carrier reports it after this many scans, oldest first."""
    return tuple(
        Checkpoint(
            checkpoint_date=f"2026-07-{day:02}T08:00:00",
            tracking_detail=detail,
            location=place,
            checkpoint_delivery_status=Status(substatus.rstrip("0123456789")),
            checkpoint_delivery_substatus=substatus,
        )
        for day, (substatus, detail, place) in enumerate(_STEPS[:scans], start=1)
    )


def request_body(parcels: range, scans: int) -> bytes:
    """Return the body of a POST /v1/updates that reports these parcels after this many scans."""
    scan_fields = ("checkpoint_date", "tracking_detail", "location", "checkpoint_delivery_status")
    scanned = [
        {name: getattr(one, name) for name in (*scan_fields, "checkpoint_delivery_substatus")}
        for one in checkpoints(scans)
    ]
    updates = [
        {"tracking_number": number(parcel), "courier_code": COURIER, "create": True, "checkpoints": scanned}
        for parcel in parcels
    ]
    return msgspec.json.encode({"updates": updates})


def bodies(parcels: range) -> Iterator[bytes]:
    """Return the bodies that endpoints get for these parcels, of the same size as those that Waypost sends."""
    for parcel in parcels:
        state = register(f"{parcel:032x}", number(parcel), COURIER, {}, _REGISTERED_AT)
        for scans in range(1, SCANS + 1):
            state = _after(state, scans)
            yield render(Version.V4, state)


def state_after(scans: int) -> TrackingState:
    """Return a parcel after this many scans."""
    return _after(register(f"{0:032x}", number(0), COURIER, {}, _REGISTERED_AT), scans)


def _after(state: TrackingState, scans: int) -> TrackingState:
    return apply(state, Update(Source.API, checkpoints(scans)), now=_REGISTERED_AT + scans).state
