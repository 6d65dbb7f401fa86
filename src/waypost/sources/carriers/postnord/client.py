"""Polls PostNord's Track & Trace API for a parcel."""

from collections.abc import Mapping

from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.carriers.postnord.read import read_answer


class PostNord(PolledCarrier):
    """One API key of PostNord; a ``CarrierSource``."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what PostNord knows of a parcel now. Raise CarrierError on failure."""
        del facts  # PostNord wants the number alone
        url = f"{self.base_url}/rest/shipment/v5/trackandtrace/findByIdentifier.json"
        query = {"apikey": self.credentials["api_key"], "id": tracking_number, "locale": "en"}
        answer = await self.http.get(url, query, {})
        return await self.reading(read_answer, answer, tracking_number)
