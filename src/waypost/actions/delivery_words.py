"""Why a delivery ended without success, and why an event was not sent at all, in sentences."""

from collections.abc import Mapping
from typing import Final

from waypost.domain.deliveries import Reason
from waypost.domain.endpoints import Skip

OF_DELIVERIES: Final[Mapping[str, str]] = {
    Reason.ENDPOINT_OFF: "The endpoint was disabled or deleted.",
    Reason.USER: "It was cancelled by a user.",
    Reason.TRACKING_DELETED: "The parcel was deleted.",
    Reason.NEWER_EVENT: "A newer event of the parcel replaced it.",
    Reason.EXPIRED: "It was still waiting when its retention period ended.",
    Reason.UNRENDERABLE: "Its event no longer exists.",
    Reason.CRASHES: "Sending it failed repeatedly with an internal error; see the log for the cause.",
    Reason.FATAL: "The sending process died each time, even when it was sent alone; see the log for the times.",
    Skip.OFF: "The endpoint was disabled.",
    Skip.STATUS: "The endpoint does not receive this status.",
    Skip.TRIGGER: "The endpoint receives status changes only, and the status did not change.",
}
