"""Ends the registration of parcels at the aggregators that can: one function for each service's API.

A parcel that is not registered there any more counts as stopped, so a call that is repeated does no harm.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable
from waypost.domain.inbound import ParcelToRegister
from waypost.sources import reading
from waypost.sources.http import CarrierAnswer, CarrierHttp
from waypost.sources.pushes import track17_calls
from waypost.sources.pushes.courier_names import code_of
from waypost.sources.reading import own_words

_JSON: Final = {"content-type": "application/json"}
_GONE: Final = 404


async def track17(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Stop parcels at 17TRACK; see ``registering.Send``."""
    done = (track17_calls.NOT_THERE, track17_calls.NOT_FOLLOWED)
    return await sort_track17(http, url, key, "stoptrack", parcels, done=done)


async def track17_again(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Have 17TRACK follow stopped parcels again, which it allows once for each."""
    return await sort_track17(http, url, key, "retrack", parcels, done=())


async def sort_track17(
    http: CarrierHttp, url: str, key: str, name: str, parcels: Sequence[ParcelToRegister], *, done: Collection[int]
) -> list[str | None]:
    """Make one call of 17TRACK, and return why parcels were rejected; ``done`` are the codes that count as done."""
    answered = await track17_calls.call(http, url, key, name, parcels)
    reasons = {number: error.reason for number, error in answered.rejected.items() if error.code not in done}
    return [reasons.get(one.tracking_number) for one in parcels]


class _Found(msgspec.Struct, frozen=True):
    id: str
    tracking_number: str | None = None
    slug: str | None = None
    courier_code: str | None = None


class _FoundTrackings(msgspec.Struct, frozen=True):
    trackings: tuple[_Found, ...] = ()


class _AfterShipAnswer(msgspec.Struct, frozen=True):
    data: _FoundTrackings


async def aftership(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Delete parcels at AfterShip, which can not stop one otherwise; see ``registering.Send``."""
    headers, base = _JSON | {"as-api-key": key}, f"{url}/tracking/2025-07/trackings"

    async def stop(parcel: ParcelToRegister) -> str | None:
        answer = await http.get(base, {"tracking_numbers": parcel.tracking_number}, headers)
        found = reading.decode(_successful(answer).body, _AfterShipAnswer).data.trackings
        return await _delete(http, base, headers, [one for one in found if _is(parcel, code_of("aftership", one.slug))])

    return await each(parcels, stop)


class _TrackingMoreAnswer(msgspec.Struct, frozen=True):
    data: tuple[_Found, ...]


async def trackingmore(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Delete parcels at TrackingMore; see ``registering.Send``."""
    headers = _JSON | {"tracking-api-key": key}

    async def stop(parcel: ParcelToRegister) -> str | None:
        query = {"tracking_numbers": parcel.tracking_number}
        answer = _successful(await http.get(f"{url}/v4/trackings/get", query, headers))
        found = reading.decode(answer.body, _TrackingMoreAnswer).data
        own = [one for one in found if _is(parcel, one.courier_code)]
        return await _delete(http, f"{url}/v4/trackings/delete", headers, own)

    return await each(parcels, stop)


class _Tracker(msgspec.Struct, frozen=True, rename="camel"):
    tracker_id: str


class _Tracked(msgspec.Struct, frozen=True):
    tracker: _Tracker


class _TrackedParcels(msgspec.Struct, frozen=True):
    trackings: tuple[_Tracked, ...] = ()


class _Ship24Answer(msgspec.Struct, frozen=True):
    data: _TrackedParcels


async def ship24(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Unsubscribe from parcels at Ship24; see ``registering.Send``."""
    return await _subscribe(http, url, key, parcels, wanted=False)


async def ship24_again(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    """Subscribe to parcels at Ship24 again."""
    return await _subscribe(http, url, key, parcels, wanted=True)


async def _subscribe(
    http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister], *, wanted: bool
) -> list[str | None]:
    headers, base = _JSON | {"authorization": f"Bearer {key}"}, f"{url}/public/v1/trackers"
    change = msgspec.json.encode({"isSubscribed": wanted})

    async def subscribe(parcel: ParcelToRegister) -> str | None:
        answer = await http.get(f"{base}/search/{quote(parcel.tracking_number, safe='')}/results", {}, headers)
        if answer.status == _GONE:
            return None
        for tracked in reading.decode(_successful(answer).body, _Ship24Answer).data.trackings:
            address = f"{base}/{quote(tracked.tracker.tracker_id, safe='')}"
            reason = _reason(await http.change("PATCH", address, change, headers))
            if reason is not None:
                return reason
        return None

    return await each(parcels, subscribe)


async def each(
    parcels: Sequence[ParcelToRegister], call: Callable[[ParcelToRegister], Awaitable[str | None]]
) -> list[str | None]:
    """Return why each parcel was rejected, one after the other; what was done before a failure is returned.

    Raise CarrierError if it was the first.
    """
    reasons: list[str | None] = []
    for parcel in parcels:
        try:
            reasons.append(await call(parcel))
        except CarrierError:
            if not reasons:
                raise
            break
    return reasons


async def _delete(http: CarrierHttp, base: str, headers: dict[str, str], found: Sequence[_Found]) -> str | None:
    for one in found:
        reason = _reason(await http.change("DELETE", f"{base}/{quote(one.id, safe='')}", b"", headers))
        if reason is not None:
            return reason
    return None


def _is(parcel: ParcelToRegister, courier: str | None) -> bool:
    """Return whether what was found is the parcel: of a deleted one, only the number may be known."""
    return parcel.courier_code in ("", courier)


def _successful(answer: CarrierAnswer) -> CarrierAnswer:
    if answer.status // 100 != 2:  # noqa: PLR2004 - the class of success
        raise CarrierUnavailable(f"the service answered {answer.status}")
    return answer


def _reason(answer: CarrierAnswer) -> str | None:
    if answer.status // 100 == 2 or answer.status == _GONE:  # noqa: PLR2004 - the class of success
        return None
    return own_words(answer.body) or f"it was rejected ({answer.status})"
