"""What v4 says when an action refuses: TrackingMore's codes and sentences, from one table."""

from types import MappingProxyType
from typing import Final

from waypost.actions.refusals import Conflict, NotFound, Refusal
from waypost.api.v4.envelope import ALREADY_EXISTS, NO_SUCH_TRACKING, NOT_EXPIRED, Refused

_NOT_FOUND: Final = "Tracking No. no exists. Please use 「Create a tracking」 API first to create shipment."
CONFLICTS: Final = MappingProxyType(
    {
        "already_exists": (ALREADY_EXISTS, "Tracking No. already exists."),
        "not_expired": (NOT_EXPIRED, "Retrack is not allowed. You can only retrack an expired tracking."),
    }
)


def in_trackingmores_words(refusal: Refusal) -> Refused | None:
    """Return a refusal as TrackingMore says it; None for one that its API does not know."""
    match refusal:
        case NotFound():
            return Refused(NO_SUCH_TRACKING, _NOT_FOUND)
        case Conflict(code=code) if code in CONFLICTS:
            return Refused(*CONFLICTS[code])
        case _:
            return None
