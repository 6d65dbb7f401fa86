"""Polls Australia Post's Shipping and Tracking API for parcels."""

from collections.abc import Mapping, Sequence

from waypost.domain.carriers import CarrierError, Parcel
from waypost.domain.trackings import Update
from waypost.sources.carriers.australia_post.read import read_answers
from waypost.sources.carriers.carrier import PolledCarrier
from waypost.sources.http import basic


class AustraliaPost(PolledCarrier):
    """One account of Australia Post or StarTrack; a ``BatchSource``."""

    @property
    def most_at_once(self) -> int:
        """See ``BatchSource``: an eleventh number is rejected (error 51101)."""
        return 10

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what Australia Post knows of a parcel now. Raise CarrierError on failure."""
        (answer,) = await self.poll_many([Parcel(tracking_number, facts)])
        if isinstance(answer, CarrierError):
            raise answer
        return answer

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchSource``."""
        numbers = [parcel.tracking_number for parcel in parcels]
        headers = {
            "authorization": basic(self.credentials["api_key"], self.credentials["password"]),
            "account-number": self.credentials["account_number"],
        }
        query = {"tracking_ids": ",".join(numbers)}
        answer = await self.http.get(f"{self.base_url}/shipping/v1/track", query, headers)
        return await self.reading(read_answers, answer, numbers)
