"""What a DHL scan means: DHL's five codes say how far the parcel is, its texts say what exactly happened.

The texts refine the code and never contradict it where that would end the journey: only the code ``delivered`` makes
``delivered``, since nothing but a return comes after it here, and DHL's texts at times hold a name or a plan. A
parcel that is ``pre-transit`` has not been handed to DHL, so nothing but its cancellation can have happened to it.
"""

from collections.abc import Iterator
from typing import Final

from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.domain.wording import read_wording
from waypost.sources.carriers.dhl.answer import Scan

_BY_CODE: Final = {
    "pre-transit": "inforeceived001",
    "transit": "transit001",
    "delivered": "delivered001",
    "failure": "exception005",
}
CODES: Final = frozenset({*_BY_CODE, "unknown"})
"""DHL's codes; ``unknown`` says nothing."""

_RETURNED: Final = "exception010"
_RETURNING: Final = "exception011"
_GENERAL: Final = frozenset({*_BY_CODE.values(), "undelivered004"})
_NEXT: Final = frozenset({"pickup002", "exception006"})


def _all_but(*statuses: Status) -> frozenset[str]:
    return frozenset(substatus for substatus in SUBSTATUSES if status_of(substatus) not in statuses)


_FITTING: Final = {
    "pre-transit": frozenset({"inforeceived001", "exception008"}),
    "transit": _all_but(Status.DELIVERED, Status.INFORECEIVED),
    "delivered": frozenset({_RETURNED, *(substatus for substatus in SUBSTATUSES if substatus.startswith("delivered"))}),
    "failure": _all_but(Status.DELIVERED, Status.INFORECEIVED),
}


def read_substatus(scan: Scan) -> str | None:
    """Give a scan's substatus; None where neither its code nor its texts tell one."""
    code = (scan.status_code or "").strip().casefold()
    fitting = [reading for reading in _readings(scan, code) if code not in _FITTING or reading in _FITTING[code]]
    specific = (reading for reading in fitting if reading not in _GENERAL)
    return next(specific, None) or next(iter(fitting), None) or _BY_CODE.get(code)


def _readings(scan: Scan, code: str) -> Iterator[str]:
    """Read the texts, what happened before what comes next."""
    for text in (scan.description, scan.status, scan.remark):
        reading = read_wording(text or "")
        if reading == _RETURNED and code == "transit":
            # It is still moving, so it is not back yet.
            yield _RETURNING
        elif reading is not None:
            yield reading
    following = read_wording(scan.next_steps or "")
    if following in _NEXT:
        yield following
