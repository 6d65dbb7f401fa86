"""Canada Post's answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.readings import Reading, read_text
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.reading import When, clean
from waypost.sources.xml import Element, parse

_OK: Final = 200
_UNKNOWN: Final = "004"
_REFUSED: Final = frozenset({"E002", "AA001", "AA002", "AA003", "AA004", "AA005", "AA006"})
_THROTTLED: Final = "Server"
_THROTTLED_SECONDS: Final = 60.0

_TABLE: Final = codes.load(__package__)["event_identifier"]
_DAY_AND_TIME: Final = "%Y-%m-%d %H:%M:%S"
_ZONES: Final = {
    name: ZoneInfo(zone)
    for zone, names in {
        "America/St_Johns": ("NST", "NDT"),
        "America/Halifax": ("AST", "ADT"),
        "America/Toronto": ("EST", "EDT"),
        "America/Winnipeg": ("CST", "CDT"),
        "America/Regina": ("CSTNO",),
        "America/Edmonton": ("MST", "MDT"),
        "America/Vancouver": ("PST", "PDT"),
    }.items()
    for name in names
}
"""The zones by their names. ``CSTNO`` is the one without summer time, so the others are clocks that have it."""

_PROVINCES: Final = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what Canada Post's answer says about a number.

    Raise CarrierRefused or CarrierLimited for messages about the key, whatever the status, and CarrierUnavailable if
    the answer can't be read. "No such number" counts only with Canada Post's own message.
    """
    del tracking_number  # the answer to a card's number has the parcel's
    root = parse(body)
    if root.name == "messages":
        return _read_messages(list(root.children("message")), body)
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    if root.name != "tracking-detail":
        raise reading.unreadable(body, "it is not a tracking detail")
    events = [event for several in root.children("significant-events") for event in several.children("occurrence")]
    taken = scans.collect((f"occurrence[{place}]", _scan(event)) for place, event in enumerate(events))
    signer = next((name for event in events if (name := clean(event.text("signatory-name")))), None)
    return Update(
        Source.POLL,
        checkpoints=taken.checkpoints,
        facts=_facts(root, signer if taken.end_in_delivery else None),
        skipped=taken.skipped,
    )


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan says by the words and codes known today."""
    return _interpret(kept.raw_status, kept.tracking_detail)


def _read_messages(messages: Sequence[Element], body: bytes) -> Update:
    errors = {message.text("code") for message in messages}
    if _UNKNOWN in errors:
        return Update(Source.POLL, unknown_number=True)
    if _THROTTLED in errors:
        raise CarrierLimited("the carrier has been asked too often", retry_after_seconds=_THROTTLED_SECONDS)
    if errors & _REFUSED:
        raise CarrierRefused("the carrier does not accept the key", status=403, body=body)
    raise CarrierUnavailable(f"the carrier answered {clean(next(iter(errors), None), most=20) or 'nothing'}")


def _scan(event: Element) -> Checkpoint | SkipReason:
    detail = clean(event.text("event-description"))
    identifier = clean(event.text("event-identifier"))
    province = clean(event.text("event-province"))
    where = reading.place(
        city=event.text("event-site"),
        state=province,
        country_code="CA" if province in _PROVINCES else None,
    )
    return scans.scan(
        when=_when(event), detail=detail, where=where, says=_interpret(identifier, detail), raw_status=identifier
    )


def _when(event: Element) -> When | None:
    """Return the local time; with an offset if the zone is one of Canada's."""
    local = reading.when(f"{event.text('event-date')} {event.text('event-time')}", _DAY_AND_TIME)
    zone = _ZONES.get((event.text("event-time-zone") or "").strip())
    return local if local is None or zone is None else reading.in_zone(local, zone)


def _interpret(identifier: str | None, detail: str | None) -> Reading:
    """Read the text first, since the code table is not Canada Post's own; where both agree it is as good as a code.

    A text that may mean something else yields to the code, if there is one.
    """
    text = read_text(detail or "")
    code = codes.interpret([((identifier or "").lstrip("0"), _TABLE)], [detail])
    if code.basis is Basis.TEXT or code.substatus is None or text.substatus is None or text.doubtful:
        return code
    return Reading(text.substatus, Basis.CODE) if text.status is code.status else text


def _facts(root: Element, signer: str | None) -> dict[str, str]:
    expected = reading.day(root.text("changed-expected-date")) or reading.day(root.text("expected-delivery-date"))
    return reading.known(
        {
            "service_code": clean(root.text("service-name")),
            "scheduled_delivery_date": expected,
            "signed_by": signer,
            "reference_number": clean(root.text("customer-ref-1")),
            "exchange_number": clean(root.text("return-pin")),
        }
    )
