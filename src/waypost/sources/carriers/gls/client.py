"""Polls GLS' Track & Trace API for parcels, ten at once."""

from base64 import b64encode
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from waypost.domain.carriers import CarrierError, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import BatchCarrier
from waypost.sources.carriers.gls.read import read_answers
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import OAuthCarrier


class Gls(BatchCarrier, OAuthCarrier):
    """One credential of GLS; a ``BatchSource``."""

    most_at_once: ClassVar[int] = 10

    async def call(self, numbers: Sequence[str]) -> CarrierAnswer:
        """See ``BatchCarrier``."""
        listed = ",".join(quote(number, safe="") for number in numbers)
        url = f"{self.base_url}/track-and-trace-v1/tracking/simple/trackids/{listed}"
        query = {"showEvents": "true", "showLinks": "false"}

        async def send(authorization: str) -> CarrierAnswer:
            return await self.http.get(url, query, {"authorization": authorization, "accept-language": "EN"})

        return await self.oauth.send(send)

    def read(self, answer: CarrierAnswer, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchCarrier``."""
        return read_answers(answer.status, answer.body, parcels)

    async def fetch_token(self) -> CarrierAnswer:
        """See ``OAuthCarrier``."""
        pair = f"{self.credentials['client_id']}:{self.credentials['client_secret']}"
        headers = {
            "authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
        }
        return await self.http.post(f"{self.base_url}/oauth2/v2/token", b"grant_type=client_credentials", headers)
