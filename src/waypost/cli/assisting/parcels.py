"""Parcels as an assistant gets them: what is needed to talk about them, without facts about persons."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from waypost.cli.remote import Remote

MOST_LISTED: Final = 50
MOST_SCANS: Final = 20
_SHORT: Final = (
    *("id", "tracking_number", "courier_code", "delivery_status", "substatus", "latest_event"),
    *("latest_checkpoint_time", "order_number", "title", "created_at"),
)
_POLLING: Final = ("last_polled_at", "next_poll_at", "polling", "tracking_link", "sequence")
_SCAN: Final = ("checkpoint_date", "checkpoint_delivery_status", "tracking_detail", "location")


def list_parcels(remote: Remote, *, status: str | None, courier_code: str | None, page: int) -> list[dict[str, Any]]:
    """Return a page of parcels, newest first. Raise the errors of ``Remote``."""
    wanted = {
        "delivery_status": status,
        "courier_code": courier_code,
        "pages_amount": page,
        "items_amount": MOST_LISTED,
    }
    return [_short(one) for one in _asked(remote, wanted)]


def find_parcels(remote: Remote, tracking_number: str) -> list[dict[str, Any]]:
    """Return the parcels with a number, one per courier, with scans and source. Raise the errors of ``Remote``."""
    found = []
    for one in _asked(remote, {"tracking_numbers": tracking_number}):
        whole = remote.get(f"/v1/trackings/{one['id']}")
        scans = scans_of(whole)
        found.append(
            _short(whole)
            | {name: whole.get(name) for name in _POLLING}
            | {"scans": scans[:MOST_SCANS], "older_scans": max(0, len(scans) - MOST_SCANS)}
        )
    return found


def register_parcel(remote: Remote, given: Mapping[str, str | None]) -> dict[str, Any]:
    """Register a parcel, and return it. Raise the errors of ``Remote``."""
    body = {name: text for name, text in given.items() if text is not None}
    made = remote.post("/v4/trackings/create", body)["data"]
    return {name: made.get(name) for name in ("id", "tracking_number", "courier_code", "order_number")}


def scans_of(parcel: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scans of a parcel, newest first, of both legs of its way."""
    legs = [parcel.get(name) or {} for name in ("origin_info", "destination_info")]
    scans = [one for leg in legs for one in leg.get("trackinfo") or ()]
    scans.sort(key=lambda one: str(one.get("checkpoint_date")), reverse=True)
    return [{name: one.get(name) for name in _SCAN} for one in scans]


def _asked(remote: Remote, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    found: list[dict[str, Any]] = remote.get(f"/v4/trackings/get?{query}")["data"]
    return found


def _short(parcel: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parcel.get(name) for name in _SHORT}
