"""Polls USPS' Tracking API for a parcel."""

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import msgspec

from waypost.domain.trackings import Update
from waypost.sources.carriers.usps.read import read_answer
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import OAuthCarrier


class Usps(OAuthCarrier):
    """One credential of USPS; a ``CarrierSource``."""

    wanted_scope: ClassVar[str | None] = "tracking"

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what USPS knows of a parcel now. Raise CarrierError on failure."""
        del facts  # USPS wants the number alone
        url = f"{self.base_url}/tracking/v3/tracking/{quote(tracking_number, safe='')}"

        async def call(authorization: str) -> CarrierAnswer:
            return await self.http.get(url, {"expand": "DETAIL"}, {"authorization": authorization})

        answer = await self.oauth.send(call)
        return await self.reading(read_answer, answer, tracking_number)

    async def fetch_token(self) -> CarrierAnswer:
        """See ``OAuthCarrier``."""
        asked = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
        }
        headers = {"content-type": "application/json"}
        return await self.http.post(f"{self.base_url}/oauth2/v3/token", msgspec.json.encode(asked), headers)
