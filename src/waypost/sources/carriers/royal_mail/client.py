"""Polls Royal Mail's Tracking API for a mail piece."""

from collections.abc import Mapping
from urllib.parse import quote

from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.carriers.royal_mail.read import read_answer


class RoyalMail(PolledCarrier):
    """One app of Royal Mail's; a ``CarrierSource``.

    Its ``summary`` takes 30 numbers in one call but returns only the last event of each. It is not used: a failed
    attempt and the collection point that follows within an hour would become one scan, and nobody would learn who
    signed.
    """

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what Royal Mail knows of a mail piece now. Raise CarrierError on failure."""
        del facts  # Royal Mail wants the number alone
        url = f"{self.base_url}/mailpieces/v2/{quote(tracking_number, safe='')}/events"
        headers = {
            "x-ibm-client-id": self.credentials["client_id"],
            "x-ibm-client-secret": self.credentials["client_secret"],
            "x-accept-rmg-terms": "yes",
        }
        answer = await self.http.get(url, {}, headers)
        return await self.reading(read_answer, answer, tracking_number)
