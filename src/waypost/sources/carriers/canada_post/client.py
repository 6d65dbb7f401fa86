"""Polls Canada Post's Tracking web service for a parcel."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from waypost.domain.trackings import Update
from waypost.sources.carriers.canada_post.read import read_answer
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.http import basic

_DELIVERY_NOTICE_CARD: Final = re.compile(r"[0-9]{15}")


class CanadaPost(PolledCarrier):
    """One API key of Canada Post; a ``CarrierSource``."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what Canada Post knows of a parcel now. Raise CarrierError on failure.

        A number of fifteen digits is that of a card left at the door; every other number is the parcel's.
        """
        del facts  # Canada Post wants the number alone
        kind = "dnc" if _DELIVERY_NOTICE_CARD.fullmatch(tracking_number) else "pin"
        url = f"{self.base_url}/vis/track/{kind}/{quote(tracking_number, safe='')}/detail"
        headers = {
            "authorization": basic(self.credentials["username"], self.credentials["password"]),
            "accept": "application/vnd.cpc.track-v2+xml",  # anything else is an error
            "accept-language": "en-CA",
        }
        answer = await self.http.get(url, {}, headers)
        return await self.reading(read_answer, answer, tracking_number)
