"""Asks aggregators for parcels that are registered there, when their pushes stop arriving: one function for each API.

An answer is read as a push is, so that a scan is the same whichever way it came.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable, Parcel, ParcelNotThere
from waypost.domain.inbound import PushedParcel
from waypost.domain.trackings import Source, Update
from waypost.sources import answers, reading
from waypost.sources.http import CarrierHttp, basic
from waypost.sources.pushes import aftership, easypost, ship24, telling, track17, track17_calls, trackingmore
from waypost.sources.sender import POLLED
from waypost.turns import aside

Ask = Callable[[CarrierHttp, str, str, Sequence[Parcel]], Awaitable[list[Update | CarrierError]]]
"""Returns what a service knows of each parcel, given its URL and API key. Raise CarrierError if of none."""

_Part = TypeVar("_Part")

_OK: Final = 200
_NOT_FOUND: Final = 404
_NOT_THERE: Final = "the parcel is not registered there"


class AskedApi(msgspec.Struct, frozen=True):
    """How a service is asked; ``PushSender.polled`` says how often."""

    most_at_once: int
    ask: Ask


class AskedService:
    """One API key of a service; a ``BatchSource``. It follows parcels of any courier, so it has no codes of its own."""

    courier_codes: frozenset[str] = frozenset()
    extra_calls = 0
    budget = POLLED

    def __init__(self, name: str, asked: AskedApi, http: CarrierHttp, key: str, *, base_url: str) -> None:
        self.name = name
        self.most_at_once = asked.most_at_once
        self._ask = asked.ask
        self._http = http
        self._key = key
        self._base_url = base_url

    async def probe(self) -> None:
        """Do nothing: the first push, and the first registration, show whether a connection works."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the service knows of a parcel now. Raise CarrierError on failure."""
        return answers.only(await self.poll_many([Parcel(tracking_number, facts)]))

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """See ``BatchSource``."""
        return await self._ask(self._http, self._base_url, self._key, parcels)


async def _track17(http: CarrierHttp, url: str, key: str, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    answered = await track17_calls.call(http, url, key, "gettrackinfo", parcels)
    found, unread = await _read(answered.accepted, track17.Followed, track17.told_of)
    return [_one(parcel, found, unread, answered.rejected.get(parcel.tracking_number)) for parcel in parcels]


def _one(
    parcel: Parcel,
    found: Sequence[PushedParcel],
    unread: CarrierUnavailable | None,
    error: track17_calls.Rejection | None,
) -> Update | CarrierError:
    if error is None:
        return _of(parcel, found, unread)
    if error.code == track17_calls.NOTHING_YET:
        return Update(Source.POLL)
    return ParcelNotThere(_NOT_THERE if error.code == track17_calls.NOT_THERE else error.reason)


class _Trackers(msgspec.Struct, frozen=True):
    trackers: tuple[msgspec.Raw, ...]


async def _easypost(http: CarrierHttp, url: str, key: str, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    (parcel,) = parcels
    query = {"tracking_code": parcel.tracking_number, "page_size": "10"}
    answer = await http.get(f"{url}/v2/trackers", query, {"authorization": basic(key, "")})
    if answer.status != _OK:
        raise CarrierUnavailable(f"EasyPost answered {answer.status}")
    trackers = reading.decode(answer.body, _Trackers).trackers
    return [_of(parcel, *await _read(trackers, easypost.Tracker, easypost.told_of))]


class _Trackings(msgspec.Struct, frozen=True):
    data: tuple[msgspec.Raw, ...]


async def _trackingmore(
    http: CarrierHttp, url: str, key: str, parcels: Sequence[Parcel]
) -> list[Update | CarrierError]:
    query = {"tracking_numbers": ",".join(parcel.tracking_number for parcel in parcels), "items_amount": "200"}
    answer = await http.get(f"{url}/v4/trackings/get", query, {"tracking-api-key": key})
    if answer.status != _OK:
        raise CarrierUnavailable(f"TrackingMore answered {answer.status}")
    trackings = reading.decode(answer.body, _Trackings).data
    found, unread = await _read(trackings, trackingmore.FollowedTracking, trackingmore.told_of)
    return [_of(parcel, found, unread) for parcel in parcels]


class _Listed(msgspec.Struct, frozen=True):
    trackings: tuple[msgspec.Raw, ...] = ()


class _List(msgspec.Struct, frozen=True):
    data: _Listed


async def _aftership(http: CarrierHttp, url: str, key: str, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    query = {"tracking_numbers": ",".join(parcel.tracking_number for parcel in parcels), "limit": "200"}
    answer = await http.get(f"{url}/tracking/2025-07/trackings", query, {"as-api-key": key})
    if answer.status != _OK:
        raise CarrierUnavailable(f"AfterShip answered {answer.status}")
    trackings = reading.decode(answer.body, _List).data.trackings
    found, unread = await _read(trackings, aftership.AfterShipTracking, aftership.told_of)
    return [_of(parcel, found, unread) for parcel in parcels]


async def _ship24(http: CarrierHttp, url: str, key: str, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    (parcel,) = parcels
    address = f"{url}/public/v1/trackers/search/{quote(parcel.tracking_number, safe='')}/results"
    answer = await http.get(address, {}, {"authorization": f"Bearer {key}"})
    if answer.status == _NOT_FOUND:
        return [ParcelNotThere(_NOT_THERE)]
    if answer.status != _OK:
        raise CarrierUnavailable(f"Ship24 answered {answer.status}")
    trackings = reading.decode(answer.body, _List).data.trackings
    return [_of(parcel, *await _read(trackings, ship24.Ship24Tracking, ship24.told_of))]


async def _read(
    parts: Iterable[msgspec.Raw], kind: type[_Part], told_of: Callable[[_Part, int], tuple[PushedParcel, ...]]
) -> tuple[list[PushedParcel], CarrierUnavailable | None]:
    """Return what the parts of an answer say, and why one of them could not be read, if so."""
    bodies = [bytes(part) for part in parts]
    return await aside(partial(_read_bodies, bodies, kind, told_of), size=sum(map(len, bodies)))


def _read_bodies(
    bodies: Iterable[bytes], kind: type[_Part], told_of: Callable[[_Part, int], tuple[PushedParcel, ...]]
) -> tuple[list[PushedParcel], CarrierUnavailable | None]:
    at, found, unread = time.time_ns() // 1_000_000, list[PushedParcel](), None
    for body in bodies:
        try:
            found.extend(told_of(reading.decode(body, kind), at))
        except CarrierUnavailable as error:
            unread = error
    return found, unread


def _of(parcel: Parcel, found: Sequence[PushedParcel], unread: CarrierUnavailable | None) -> Update | CarrierError:
    """Return what was found of a parcel: under its courier if the service has the number under several."""
    own = [one for one in found if telling.number_of(parcel.tracking_number) == one.tracking_number]
    same = [one for one in own if one.courier_code == parcel.courier_code]
    for one in same or own:
        if one.update is not None:
            return msgspec.structs.replace(one.update, source=Source.POLL)
    return unread or ParcelNotThere(_NOT_THERE)


ASKED: Final[Mapping[str, AskedApi]] = {
    "17track": AskedApi(20, _track17),
    "easypost": AskedApi(1, _easypost),
    "trackingmore": AskedApi(20, _trackingmore),
    "aftership": AskedApi(20, _aftership),
    "ship24": AskedApi(1, _ship24),
}
"""The services that can be asked, by source. Twenty long histories fit into the largest answer that is read."""
