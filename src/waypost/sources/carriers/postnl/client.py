"""Polls PostNL's Shippingstatus API for a parcel."""

from collections.abc import Mapping
from urllib.parse import quote

from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.carriers.postnl.read import read_answer


class PostNL(PolledCarrier):
    """One API key of PostNL; a ``CarrierSource``."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what PostNL knows of a parcel now. Raise CarrierError on failure.

        With ``detail`` PostNL returns the whole history, otherwise only the current status.
        """
        del facts  # PostNL wants the barcode alone
        url = f"{self.base_url}/shipment/v2/status/barcode/{quote(tracking_number, safe='')}"
        query = {"detail": "true", "language": "EN"}
        answer = await self.http.get(url, query, {"apikey": self.credentials["api_key"]})
        return await self.reading(read_answer, answer, tracking_number)
