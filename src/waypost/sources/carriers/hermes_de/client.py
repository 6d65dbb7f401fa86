"""Polls Hermes Germany's Shipment Info API for parcels."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from waypost.domain.carriers import CarrierError, CarrierRefused, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.hermes_de.read import is_token_refused, read_answers
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import OAuthCarrier

_TOKENS: Final = {
    "https://de-api.hermesworld.com": "https://authme.myhermes.de",
    "https://de-api-int.hermesworld.com": "https://authme-int.myhermes.de",
}
"""Where the tokens for an API address are issued; for any other address, by that address itself."""


class HermesGermany(OAuthCarrier):
    """One user of Hermes Germany; a ``BatchSource``."""

    @property
    def most_at_once(self) -> int:
        """See ``BatchSource``: Hermes accepts 100, but their histories may exceed the size limit of an answer."""
        return 50

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what Hermes knows of a parcel now. Raise CarrierError on failure."""
        (answer,) = await self.poll_many([Parcel(tracking_number, facts)])
        if isinstance(answer, CarrierError):
            raise answer
        return answer

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchSource``."""
        numbers = [parcel.tracking_number for parcel in parcels]

        async def call(authorization: str) -> CarrierAnswer:
            headers = {"authorization": authorization, "accept-language": "EN"}
            try:
                answer = await self.http.get(
                    f"{self.base_url}/services/hsi/shipmentinfo", {"shipmentID": numbers}, headers
                )
            except CarrierRefused as error:
                if is_token_refused(error.body):
                    raise _token_refused(error.body) from None
                raise
            if is_token_refused(answer.body):
                raise _token_refused(answer.body)
            return answer

        answer = await self.oauth.send(call)
        return await self.reading(read_answers, answer, numbers)

    async def fetch_token(self) -> CarrierAnswer:
        """See ``OAuthCarrier``. Hermes issues tokens only for a user's password (RFC 6749, 4.3)."""
        asked = {"grant_type": "password"} | dict(self.credentials)
        place = _TOKENS.get(self.base_url, self.base_url)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(
            f"{place}/authorization-facade/oauth2/access_token", urlencode(asked).encode(), headers
        )


def _token_refused(body: bytes) -> CarrierRefused:
    """Return the equivalent of a 401: Hermes sends a 400 or 403 with a code instead."""
    return CarrierRefused("the carrier does not accept the token", status=401, body=body)
