"""Polls FedEx' Track API for parcels, thirty at once."""

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from waypost.domain.carriers import CarrierError, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import BatchCarrier
from waypost.sources.carriers.fedex.read import names_a_number, read_answers
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import OAuthCarrier


class FedEx(BatchCarrier, OAuthCarrier):
    """One credential of FedEx; a ``BatchSource``."""

    most_at_once: ClassVar[int] = 30

    async def call(self, numbers: Sequence[str]) -> CarrierAnswer:
        """See ``BatchCarrier``."""
        asked = [{"trackingNumberInfo": {"trackingNumber": number}} for number in numbers]
        body = msgspec.json.encode({"includeDetailedScans": True, "trackingInfo": asked})

        async def send(authorization: str) -> CarrierAnswer:
            headers = {"authorization": authorization, "content-type": "application/json", "x-locale": "en_US"}
            return await self.http.post(f"{self.base_url}/track/v1/trackingnumbers", body, headers)

        return await self.oauth.send(send)

    def read(self, answer: CarrierAnswer, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchCarrier``."""
        return read_answers(answer.status, answer.body, parcels)

    def refuses_a_number(self, answer: CarrierAnswer) -> bool:
        """See ``BatchCarrier``: FedEx says which part of a request it rejects."""
        return names_a_number(answer.status, answer.body)

    async def fetch_token(self) -> CarrierAnswer:
        """See ``OAuthCarrier``. FedEx takes the credential in the form, not as a header."""
        asked = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(f"{self.base_url}/oauth/token", urlencode(asked).encode(), headers)
