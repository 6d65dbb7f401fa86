"""Polls DHL Shipment Tracking - Unified for a parcel."""

from collections.abc import Mapping
from typing import Final

from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.carriers.dhl.read import read_answer

_LONGEST_POSTCODE: Final = 16


class DhlUnified(PolledCarrier):
    """One key of DHL's unified API; a ``CarrierSource``."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what DHL knows of a parcel now. Raise CarrierError on failure.

        The recipient's postcode is sent if the shop gave one: DHL Parcel then reports more details.
        """
        url, headers = f"{self.base_url}/track/shipments", {"dhl-api-key": self.credentials["api_key"]}
        answer = await self.http.get(url, _query(tracking_number, facts), headers)
        return await self.reading(read_answer, answer, tracking_number)


def _query(tracking_number: str, facts: Mapping[str, str]) -> dict[str, str]:
    query = {"trackingNumber": tracking_number, "language": "en"}
    postcode = (facts.get("recipient_postcode") or facts.get("tracking_postal_code") or "").strip()
    if 0 < len(postcode) <= _LONGEST_POSTCODE:
        query["recipientPostalCode"] = postcode
    return query
