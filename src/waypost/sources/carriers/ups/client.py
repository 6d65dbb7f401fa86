"""Polls UPS' Track API for a parcel."""

from collections.abc import Mapping
from urllib.parse import quote
from uuid import uuid4

from waypost.domain.trackings import Update
from waypost.sources.carriers.ups.read import read_answer
from waypost.sources.http import CarrierAnswer, basic
from waypost.sources.oauth import OAuthCarrier


class Ups(OAuthCarrier):
    """One credential of UPS; a ``CarrierSource``."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what UPS knows of a parcel now. Raise CarrierError on failure."""
        del facts  # UPS wants the number alone
        url = f"{self.base_url}/api/track/v1/details/{quote(tracking_number, safe='')}"
        query = {"locale": "en_US", "returnSignature": "false", "returnMilestones": "false"}

        async def call(authorization: str) -> CarrierAnswer:
            own = {"authorization": authorization, "transid": uuid4().hex, "transactionsrc": "waypost"}
            return await self.http.get(url, query, own)

        answer = await self.oauth.send(call)
        return await self.reading(read_answer, answer, tracking_number)

    async def fetch_token(self) -> CarrierAnswer:
        """See ``OAuthCarrier``."""
        headers = {
            "authorization": basic(self.credentials["client_id"], self.credentials["client_secret"]),
            "content-type": "application/x-www-form-urlencoded",
        }
        if merchant := self.credentials.get("account_number"):
            headers["x-merchant-id"] = merchant
        return await self.http.post(
            f"{self.base_url}/security/v1/oauth/token", b"grant_type=client_credentials", headers
        )
