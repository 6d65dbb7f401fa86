"""Polls Hermes Germany's Shipment Info API for parcels, fifty at once."""

from collections.abc import Sequence
from typing import ClassVar, Final
from urllib.parse import urlencode

from waypost.domain.carriers import CarrierError, CarrierRefused, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import BatchCarrier
from waypost.sources.carriers.hermes_de.read import is_token_refused, read_answers
from waypost.sources.http import CarrierAnswer
from waypost.sources.oauth import OAuthCarrier

_TOKENS: Final = {
    "https://de-api.hermesworld.com": "https://authme.myhermes.de",
    "https://de-api-int.hermesworld.com": "https://authme-int.myhermes.de",
}
"""Where the tokens for an API address are issued; for any other address, by that address itself."""


class HermesGermany(BatchCarrier, OAuthCarrier):
    """One user of Hermes Germany; a ``BatchSource``."""

    most_at_once: ClassVar[int] = 50
    """Hermes accepts 100, but their histories may exceed the size limit of an answer."""

    async def call(self, numbers: Sequence[str]) -> CarrierAnswer:
        """See ``BatchCarrier``."""
        query = {"shipmentID": list(numbers)}

        async def send(authorization: str) -> CarrierAnswer:
            headers = {"authorization": authorization, "accept-language": "EN"}
            try:
                answer = await self.http.get(f"{self.base_url}/services/hsi/shipmentinfo", query, headers)
            except CarrierRefused as error:
                if is_token_refused(error.body):
                    raise _token_refused(error.body) from None
                raise
            if is_token_refused(answer.body):
                raise _token_refused(answer.body)
            return answer

        return await self.oauth.send(send)

    def read(self, answer: CarrierAnswer, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchCarrier``."""
        return read_answers(answer.status, answer.body, [parcel.tracking_number for parcel in parcels])

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
