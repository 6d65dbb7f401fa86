"""Calls of 17TRACK's API v2.4, each for up to forty numbers, of which it accepts some and rejects others."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.sources import reading
from waypost.sources.http import CarrierHttp
from waypost.sources.pushes.courier_names import name_of
from waypost.sources.reading import clean

KNOWN: Final = -18_019_901
NOT_THERE: Final = -18_019_902
NOT_FOLLOWED: Final = -18_019_906
NOTHING_YET: Final = -18_019_909
_DAILY_LIMIT: Final = -18_019_907
_QUOTA: Final = -18_019_908
_REFUSED: Final = (-18_010_001, -18_010_002, -18_010_004, -18_010_005)
_WAIT_SECONDS: Final = 3_600.0


class NumberOfCourier(Protocol):
    """The part of a parcel that 17TRACK gets."""

    @property
    def tracking_number(self) -> str:
        """Its number."""

    @property
    def courier_code(self) -> str:
        """Its courier's code here."""


class Rejection(msgspec.Struct, frozen=True):
    """Why a number, or the whole call, was rejected."""

    code: int = 0
    message: str | None = None

    @property
    def reason(self) -> str:
        """17TRACK's own words, or its code."""
        return clean(self.message, most=200) or f"17TRACK rejected it with code {self.code}"


class _Rejected(msgspec.Struct, frozen=True):
    number: str | None = None
    error: Rejection = Rejection()


class _Results(msgspec.Struct, frozen=True):
    accepted: tuple[msgspec.Raw, ...] = ()
    rejected: tuple[_Rejected, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    code: int
    data: _Results = _Results()


class SortedNumbers(msgspec.Struct, frozen=True):
    """What a call accepted, not decoded yet, and why it rejected the others, by number."""

    accepted: tuple[msgspec.Raw, ...]
    rejected: Mapping[str | None, Rejection]


async def call(http: CarrierHttp, url: str, key: str, name: str, parcels: Sequence[NumberOfCourier]) -> SortedNumbers:
    """Return the answer to one call about parcels, by its name. Raise CarrierError if it says nothing about any."""
    asked = [{"number": one.tracking_number} | _carrier(one) for one in parcels]
    headers = {"content-type": "application/json", "17token": key}
    answer = await http.post(f"{url}/track/v2.4/{name}", msgspec.json.encode(asked), headers)
    found = reading.decode(answer.body, _Answer)
    if found.code in _REFUSED:
        raise CarrierRefused(f"17TRACK does not accept the key ({found.code})")
    if found.code != 0:
        raise CarrierUnavailable(f"17TRACK answered with code {found.code}")
    rejected = {one.number: one.error for one in found.data.rejected}
    codes = {error.code for error in rejected.values()}
    if _QUOTA in codes:
        raise CarrierLimited("17TRACK's quota is used up", retry_after_seconds=_WAIT_SECONDS)
    if _DAILY_LIMIT in codes:
        raise CarrierLimited("17TRACK's limit for today is reached", retry_after_seconds=_WAIT_SECONDS)
    return SortedNumbers(found.data.accepted, rejected)


def _carrier(parcel: NumberOfCourier) -> dict[str, int]:
    name = name_of("17track", parcel.courier_code)
    return {} if name is None else {"carrier": int(name)}
