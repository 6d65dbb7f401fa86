"""DPD's scans from the answer of its ParcelLifeCycleService, which karrio misreads.

karrio takes the hours of ``7/18/2026 1:05:00 PM`` for those of a 24-hour clock, and lists stations that the parcel has
not reached yet as if it had.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from waypost.domain.carriers import CarrierUnreadable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import SkipReason
from waypost.sources import codes, reading, scans, xml
from waypost.sources.codes import CodeTable
from waypost.sources.reading import clean
from waypost.sources.xml import Element

_FORM: Final = "%m/%d/%Y %I:%M:%S %p"


def scans_of(bodies: Iterable[bytes], table: CodeTable) -> Iterator[tuple[str, Checkpoint | SkipReason]]:
    """Yield the scans of the stations that were reached, oldest first, with their places in the answer."""
    for body in bodies:
        try:
            root = xml.parse(body)
        except CarrierUnreadable:  # the answer to the log-in may be anything
            continue
        stations = [one for result in root.descendants("trackingresult") for one in result.children("statusInfo")]
        for place, station in enumerate(stations):
            if station.text("statusHasBeenReached") == "true":
                yield f"statusInfo[{place}]", _scan(station, table)


def _scan(station: Element, table: CodeTable) -> Checkpoint | SkipReason:
    status = clean(station.text("status"))
    detail = _content(station, "description") or _content(station, "label")
    return scans.scan(
        when=reading.when(_content(station, "date") or "", _FORM),
        detail=detail or status,
        where=reading.Where(location=_content(station, "location")),
        says=codes.interpret(((status, table),), [detail]),
        raw_status=status,
    )


def _content(station: Element, name: str) -> str | None:
    """Return the text of a translated field: its ``content``, which a description wraps once more."""
    outer = next(station.children(name), None)
    if outer is None:
        return None
    inner = next(outer.children("content"), None)
    wrapped = None if inner is None else inner.text("content")
    return clean(wrapped or outer.text("content"))
