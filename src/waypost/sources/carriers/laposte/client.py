"""Polls La Poste's tracking API for parcels, ten at once."""

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from waypost.domain.carriers import CarrierError, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.carrier import BatchCarrier
from waypost.sources.carriers.laposte.read import read_answers
from waypost.sources.http import CarrierAnswer


class LaPoste(BatchCarrier):
    """One key of La Poste; a ``BatchSource``."""

    most_at_once: ClassVar[int] = 10

    async def call(self, numbers: Sequence[str]) -> CarrierAnswer:
        """See ``BatchCarrier``."""
        listed = ",".join(quote(number, safe="") for number in numbers)
        headers = {"x-okapi-key": self.credentials["api_key"]}
        return await self.http.get(f"{self.base_url}/suivi/v2/idships/{listed}", {"lang": "en_GB"}, headers)

    def read(self, answer: CarrierAnswer, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchCarrier``."""
        return read_answers(answer.status, answer.body, parcels)
