"""Words refusals for v4: TrackingMore's codes and sentences, from one table."""

from types import MappingProxyType
from typing import Final

from waypost.actions.parcel_fields import ParcelFault, ParcelFaultKind
from waypost.actions.refusals import Conflict, Invalid, NotFound, Refusal
from waypost.api.v4.envelope import (
    ALREADY_EXISTS,
    COURIER_UNDETECTED,
    FACT_REQUIRED,
    INVALID_COURIER,
    INVALID_FORMAT,
    INVALID_NUMBER,
    NO_SUCH_TRACKING,
    NOT_EXPIRED,
    NUMBER_REQUIRED,
    QUOTA_REACHED,
    CodedError,
)

_NOT_FOUND: Final = "Tracking No. no exists. Please use 「Create a tracking」 API first to create shipment."
_UNKNOWN_COURIER: Final = (
    "The value of {field} is invalid: unknown courier code. Create parcels of your own couriers with POST /v1/updates."
)
CONFLICTS: Final = MappingProxyType(
    {
        "already_exists": (ALREADY_EXISTS, "Tracking No. already exists."),
        "quota_reached": (QUOTA_REACHED, "Quota reached."),
        "not_expired": (NOT_EXPIRED, "Retrack is not allowed. You can only retrack an expired tracking."),
    }
)
_FAULTS: Final = {
    ParcelFaultKind.NUMBER_MISSING: (NUMBER_REQUIRED, "The value of {field} is required."),
    ParcelFaultKind.NUMBER_INVALID: (INVALID_NUMBER, "The value of {field} is invalid: it {message}."),
    ParcelFaultKind.COURIER_INVALID: (INVALID_COURIER, "The value of {field} is invalid: it {message}."),
    ParcelFaultKind.COURIER_UNKNOWN: (INVALID_COURIER, _UNKNOWN_COURIER),
    ParcelFaultKind.COURIER_UNDETECTED: (COURIER_UNDETECTED, "Cannot detect courier."),
    ParcelFaultKind.FACT_MISSING: (FACT_REQUIRED, "The courier {courier} requires {field}."),
    ParcelFaultKind.VALUE_INVALID: (INVALID_FORMAT, "{field} {message}."),
}


def coded(refusal: Refusal) -> CodedError | None:
    """Return a refusal with TrackingMore's code and sentence; None if its API has none for it."""
    match refusal:
        case NotFound():
            return CodedError(NO_SUCH_TRACKING, _NOT_FOUND)
        case Conflict(code=code) if code in CONFLICTS:
            return CodedError(*CONFLICTS[code])
        case Invalid(faults=(ParcelFault() as fault, *_)):
            number, sentence = _FAULTS[fault.kind]
            return CodedError(number, sentence.format(field=fault.field, message=fault.message, courier=fault.courier))
        case _:
            return None
