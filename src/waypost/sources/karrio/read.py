"""karrio's account of a parcel as an Update: pure.

karrio drops offsets and seconds and writes a false ``Z``. The times are therefore looked for in the carrier's own
answers, beside the minute that karrio reports; what is not found there stays a wall time without an offset. DPD's scans
are read from its own answer altogether (``dpd``), because karrio's times of DPD are twelve hours off in the afternoon.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierRefused, CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.karrio import dpd
from waypost.sources.karrio.processes import Detail, KarrioEvent, Told
from waypost.sources.reading import When, clean

TABLES: Final = codes.load(__package__)
_ISO: Final = re.compile(
    rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?(?![\d:])",
)
_FORMS: Final = ("%I:%M %p", "%H:%M %p", "%H:%M:%S", "%H:%M")
"""Of times: `13:05 PM` is one that karrio writes."""

_REJECTS: Final = re.compile(
    r"authenti|authori[sz]|credential|password|log ?in|api.?key|access.?denied|permission|invalid user"
    r"|(invalid|expired) token",
    re.IGNORECASE,
)
_UNKNOWN: Final = re.compile(
    r"\b(parcel|package|shipment|consignment|item|tracking|number|barcode|label)\w*\b.{0,60}"
    r"\b(not found|unknown|does not exist|could not be found|cannot be found|not exist)\b"
    r"|\bno (parcel|package|shipment|consignment|item|tracking)\b.{0,40}\bfound\b",
    re.IGNORECASE,
)
_NOT_FOUND: Final = 404
_DPD: Final = "dpd"


class NothingRead(CarrierUnavailable):
    """The carrier answered, and rejected nothing, but karrio found no parcel in its answer."""


def read_told(extension: str, number: str, told: Told, answers: Sequence[tuple[int, bytes]]) -> Update:
    """Return what karrio says about a number; ``answers`` are the carrier's own, in order: status and body.

    Raise CarrierRefused if the carrier's words reject the credentials, and CarrierUnavailable if nothing was read.
    """
    if extension == _DPD:  # whatever karrio made of it: it fails at a station without a place
        own = scans.collect(dpd.scans_of([body for _, body in answers], TABLES[_DPD]), newest_first=False)
        if own.checkpoints or own.skipped:
            return Update(Source.POLL, checkpoints=own.checkpoints, skipped=own.skipped)
    detail = _detail(told, number)
    if detail is None:
        return _nothing(told, answers)
    times = _times(body for _, body in answers)
    taken = scans.collect((f"events[{place}]", _scan(event, times)) for place, event in enumerate(detail.events))
    facts = {
        "signed_by": clean(detail.signed_by) if taken.end_in_delivery else None,
        "scheduled_delivery_date": reading.day(detail.estimated_delivery),
    }
    return Update(Source.POLL, checkpoints=taken.checkpoints, skipped=taken.skipped, facts=reading.known(facts))


def _detail(told: Told, number: str) -> Detail | None:
    """Return the parcel with that number; the only one may have another, since some carriers answer with their own."""
    own = next((one for one in told.details if (one.tracking_number or "").strip().upper() == number), None)
    return own or (told.details[0] if len(told.details) == 1 else None)


def _nothing(told: Told, answers: Sequence[tuple[int, bytes]]) -> Update:
    said = " ".join(f"{one.code or ''} {one.message or ''}" for one in told.messages)
    status = answers[-1][0] if answers else 0
    if _UNKNOWN.search(said) or status == _NOT_FOUND:
        return Update(Source.POLL, unknown_number=True)
    if _REJECTS.search(said):
        raise CarrierRefused(f"the carrier does not accept the key ({status})", status=status, body=_words(told))
    if status >= 500 or status // 100 == 3:  # noqa: PLR2004 - classes of status codes
        raise CarrierUnavailable(f"the carrier answered {status}")
    if told.raised is not None and not told.messages:
        kind = told.raised.partition(":")[0]
        raise NothingRead(f"karrio failed to read the response ({kind})")
    raise NothingRead("karrio found no parcel in the response")


def _words(told: Told) -> bytes:
    """Return the carrier's words in the form that ``reading.own_words`` reads."""
    text = next((one.message for one in told.messages if one.message and _REJECTS.search(one.message)), "")
    return msgspec.json.encode({"message": text})


def _times(bodies: Iterable[bytes]) -> dict[str, When | None]:
    """Return the carrier's own times by their minute; None for a minute with several offsets."""
    found: dict[str, When | None] = {}
    for body in bodies:
        for day, minute, second, zone in _ISO.findall(body):
            key = f"{day.decode()}T{minute.decode()}"
            one = When(f"{key}{second.decode() or ':00'}", reading.offset(zone.decode()) if zone else None)
            held = found.get(key, one)
            same = held is not None and held.offset_minutes == one.offset_minutes
            # Two scans in one minute: their offset is known, their seconds are not.
            found[key] = (held if held == one else When(f"{key}:00", one.offset_minutes)) if same else None
    return found


def _scan(event: KarrioEvent, times: dict[str, When | None]) -> Checkpoint | SkipReason:
    detail = clean(event.description) or clean(event.code)
    return scans.scan(
        when=_when(event, times),
        detail=detail,
        where=reading.Where(location=clean(event.location)),
        says=_interpret(event, detail),
        raw_status=clean(event.code),
    )


def _when(event: KarrioEvent, times: dict[str, When | None]) -> When | None:
    """Return when a scan was; of a day without a time it is midnight, as everywhere."""
    day = reading.day(event.date)
    if day is None:
        return None
    text = (event.time or "").strip()
    wall = next((found for form in _FORMS if (found := reading.when(f"{day} {text}", f"%Y-%m-%d {form}"))), None)
    wall = wall or When(f"{day}T00:00:00")
    return times.get(wall.wall_time[:16]) or wall


def _interpret(event: KarrioEvent, detail: str | None) -> Reading:
    return codes.interpret(((event.status, TABLES["status"]),), [detail])
