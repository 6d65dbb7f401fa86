"""Polls Australia Post's Shipping and Tracking API for parcels, ten at once."""

from collections.abc import Sequence
from typing import ClassVar

from waypost.domain.carriers import CarrierError, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.australia_post.read import read_answers
from waypost.sources.carriers.carrier import BatchCarrier
from waypost.sources.http import CarrierAnswer, basic


class AustraliaPost(BatchCarrier):
    """One account of Australia Post or StarTrack; a ``BatchSource``."""

    most_at_once: ClassVar[int] = 10
    """An eleventh number is rejected (error 51101)."""

    async def call(self, numbers: Sequence[str]) -> CarrierAnswer:
        """See ``BatchCarrier``."""
        headers = {
            "authorization": basic(self.credentials["api_key"], self.credentials["password"]),
            "account-number": self.credentials["account_number"],
        }
        return await self.http.get(f"{self.base_url}/shipping/v1/track", {"tracking_ids": ",".join(numbers)}, headers)

    def read(self, answer: CarrierAnswer, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchCarrier``."""
        return read_answers(answer.status, answer.body, [parcel.tracking_number for parcel in parcels])
