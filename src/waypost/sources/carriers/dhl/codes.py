"""The meaning of a DHL scan: finest code first, then DHL's five codes with its texts.

DHL Parcel Benelux writes its own codes into ``status``, which say exactly what happened. The five codes say how far the
parcel is, and the texts what exactly happened. The texts refine the code and never contradict it if that would end the
journey: only the code ``delivered`` makes ``delivered``, since only a return can follow it, and DHL's texts sometimes
contain a name or a plan. A parcel that is ``pre-transit`` has not been handed to DHL, so only its cancellation can have
happened.
"""

import re
from collections.abc import Iterator
from typing import Final

from waypost.domain.checkpoints import Basis
from waypost.domain.readings import Reading, read_text
from waypost.domain.statuses import SUBSTATUSES, Status, status_of
from waypost.sources.carriers.dhl.answer import Scan

_PRE_TRANSIT: Final = "pre-transit"
_BY_CODE: Final = {
    _PRE_TRANSIT: Reading("inforeceived001", Basis.CODE),
    "transit": Reading("transit001", Basis.GENERAL_CODE),
    "delivered": Reading("delivered001", Basis.CODE),
    "failure": Reading("exception005", Basis.GENERAL_CODE),
}
CODES: Final = frozenset({*_BY_CODE, "unknown"})
"""DHL's codes; ``unknown`` says nothing."""

_BENELUX: Final = {
    "PRENOTIFICATION_RECEIVED": "inforeceived001",
    "DATA_RECEIVED_WITH_PREFIX_LABEL": "inforeceived001",
    "SHIPMENT_ACCEPTANCE": "transit001",
    "SHIPMENT_ACCEPTANCE_PARCELSHOP": "transit001",
    "PARCEL_SORTED_AT_HUB": "transit002",
    "SHIPMENT_SORTED": "transit002",
    "PARCEL_ARRIVED_AT_LOCAL_DEPOT": "transit003",
    "ARRIVED_AT_DELIVERY_FACILITY": "transit003",
    "OUT_FOR_DELIVERY": "pickup001",
    "SHIPMENT_OUT_FOR_DELIVERY": "pickup001",
    "DELIVERED_AT_PARCELSHOP": "pickup002",
    "AWAITING_RECEIVER_COLLECTION": "pickup002",
    "NOT_HOME": "undelivered002",
    "NOT_HOME_SYSTEM_INTERVENTION_DELIVERY_AT_PARCELSHOP": "undelivered002",
    "ADDRESS_UNKNOWN": "undelivered001",
    "POSTAL_CODE_INCORRECT": "undelivered001",
    "COLLECTED_AT_PARCELSHOP": "delivered002",
    "COLLECTED_AT_ACCESSPOINT": "delivered002",
    "COLLECTED_AT_PARCELSTATION": "delivered002",
    "DELIVERED_AT_NEIGHBOURS": "delivered004",
    "DELIVERED_AT_PREFERED_NEIGHBOURS": "delivered004",
    "DELIVERED_AT_SAFEPLACE": "delivered004",
    "DELIVERED_IN_MAILBOX": "delivered001",
    "STORAGE_PERIOD_ENDED_AT_PARCELSHOP": "exception004",
    "DESTROYED": "exception007",
    "NOT_HOME_RETURN_TO_SHIPPER": "exception011",
    "RETURNED_TO_SHIPPER": "exception011",
    "ON_ROUTE_TO_SHIPPER": "exception011",
    "DELIVERED_AT_SHIPPER": "exception010",
}
"""Codes of DHL Parcel Benelux that say more than DHL's five. RETURNED_TO_SHIPPER precedes the way back."""

_BENELUX_GENERAL: Final = re.compile(r"[A-Z0-9]+(?:[_/-][A-Z0-9]+)+")
"""Its other codes: their names are not texts, so ``PARCEL_PICKED_UP_AT_PARCELSHOP`` is not a collection."""

_RETURNED: Final = "exception010"
_RETURNING: Final = "exception011"
_UNSPECIFIC: Final = frozenset({*(reading.substatus for reading in _BY_CODE.values()), "undelivered004"})
_NEXT: Final = frozenset({"pickup002", "exception006"})


def _all_but(*statuses: Status) -> frozenset[str]:
    return frozenset(substatus for substatus in SUBSTATUSES if status_of(substatus) not in statuses)


_FITTING: Final = {
    _PRE_TRANSIT: frozenset({"inforeceived001", "exception008"}),
    "transit": _all_but(Status.DELIVERED, Status.INFORECEIVED),
    "delivered": frozenset({_RETURNED, *(substatus for substatus in SUBSTATUSES if substatus.startswith("delivered"))}),
    "failure": _all_but(Status.DELIVERED, Status.INFORECEIVED),
}


def read_scan(scan: Scan) -> Reading:
    """Return what a scan says; without a substatus if neither its codes nor its texts give one."""
    code = (scan.status_code or "").strip().casefold()
    own = (scan.status or "").strip()
    by_code = _BY_CODE.get(code, Reading(None, Basis.TEXT))
    if code != _PRE_TRANSIT and own in _BENELUX:
        return Reading(_BENELUX[own], Basis.CODE)
    if not scan.description and by_code.substatus is not None and _BENELUX_GENERAL.fullmatch(own):
        return by_code
    fitting = [one for one in _readings(scan, code) if code not in _FITTING or one.substatus in _FITTING[code]]
    specific = (one for one in fitting if one.substatus not in _UNSPECIFIC)
    told = next(specific, None) or next(iter(fitting), None)
    if told is None or told.substatus == by_code.substatus:
        return by_code  # a text that says no more than the code overrides no more than the code does
    return Reading(told.substatus, Basis.CODE) if by_code.basis is Basis.CODE else told


def _readings(scan: Scan, code: str) -> Iterator[Reading]:
    """Read the texts: what happened comes before what is next."""
    for text in (scan.description, scan.status, scan.remark):
        told = read_text(text or "")
        if told.substatus == _RETURNED and code == "transit":
            # It is still moving, so it is not back yet.
            yield Reading(_RETURNING, Basis.TEXT)
        elif told.substatus is not None:
            yield told
    following = read_text(scan.next_steps or "")
    if following.substatus in _NEXT:
        yield following
