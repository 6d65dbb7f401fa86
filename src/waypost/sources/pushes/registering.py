"""Registers parcels at the aggregators that push, so that they follow them: one function for each service's API.

Registering a parcel again does no harm: "it is there already" counts as done.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from waypost.domain.inbound import ParcelToRegister
from waypost.sources.http import CarrierAnswer, CarrierHttp, basic
from waypost.sources.pushes import stopping, track17_calls
from waypost.sources.pushes.courier_names import name_of
from waypost.sources.reading import own_words

_JSON: Final = {"content-type": "application/json"}
_UNKNOWN_COURIER: Final = "the service has no name for its courier"

Send = Callable[[CarrierHttp, str, str, Sequence[ParcelToRegister]], Awaitable[list[str | None]]]
"""Registers parcels, given the service's URL and API key; returns for each why it was refused, None if it was not.

The list may end early, if the service could not answer for the others. Raise CarrierError if it answered for none.
"""


class Registrar(msgspec.Struct, frozen=True):
    """How parcels are registered at a service.

    ``stop`` ends that for deleted parcels, if the service can, and for archived and finished ones if it ``pauses``
    parcels without losing them. ``resume`` is for stopped ones that are wanted again; otherwise they are registered.
    """

    most_at_once: int
    register: Send
    stop: Send | None = None
    resume: Send | None = None
    pauses: bool = False


async def _track17(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    return await stopping.sort_track17(http, url, key, "register", parcels, done=(track17_calls.KNOWN,))


async def _easypost(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    headers = _JSON | {"authorization": basic(key, "")}

    async def send(parcel: ParcelToRegister) -> CarrierAnswer:
        named = _named("easypost", parcel, "carrier")
        body = {"tracker": {"tracking_code": parcel.tracking_number} | named}
        return await http.post(f"{url}/v2/trackers", msgspec.json.encode(body), headers)

    return await _each(parcels, send)


async def _shippo(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": f"ShippoToken {key}"}

    async def send(parcel: ParcelToRegister) -> CarrierAnswer | None:
        carrier = name_of("shippo", parcel.courier_code)
        if carrier is None:
            return None
        form = urlencode({"carrier": carrier, "tracking_number": parcel.tracking_number})
        return await http.post(f"{url}/tracks/", form.encode(), headers)

    return await _each(parcels, send)


async def _aftership(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    headers = _JSON | {"as-api-key": key}

    async def send(parcel: ParcelToRegister) -> CarrierAnswer:
        body = {"tracking_number": parcel.tracking_number} | _named("aftership", parcel, "slug")
        return await http.post(f"{url}/tracking/2025-07/trackings", msgspec.json.encode(body), headers)

    return await _each(parcels, send, known=4003)


async def _ship24(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    headers = _JSON | {"authorization": f"Bearer {key}"}

    async def send(parcel: ParcelToRegister) -> CarrierAnswer:
        name = name_of("ship24", parcel.courier_code)
        named = {} if name is None else {"courierCode": [name]}
        body = {"trackingNumber": parcel.tracking_number} | named
        return await http.post(f"{url}/public/v1/trackers", msgspec.json.encode(body), headers)

    return await _each(parcels, send)


async def _trackingmore(http: CarrierHttp, url: str, key: str, parcels: Sequence[ParcelToRegister]) -> list[str | None]:
    headers = _JSON | {"tracking-api-key": key}

    async def send(parcel: ParcelToRegister) -> CarrierAnswer:
        body = {"tracking_number": parcel.tracking_number, "courier_code": parcel.courier_code}
        return await http.post(f"{url}/v4/trackings/create", msgspec.json.encode(body), headers)

    return await _each(parcels, send, known=4101)


async def _each(
    parcels: Sequence[ParcelToRegister],
    send: Callable[[ParcelToRegister], Awaitable[CarrierAnswer | None]],
    *,
    known: int | None = None,
) -> list[str | None]:
    """Register one parcel after the other; what was done before a failure is returned."""

    async def register(parcel: ParcelToRegister) -> str | None:
        answer = await send(parcel)
        return _UNKNOWN_COURIER if answer is None else _reason(answer, known=known)

    return await stopping.each(parcels, register)


class _Meta(msgspec.Struct, frozen=True):
    code: int = 0


class _Coded(msgspec.Struct, frozen=True):
    meta: _Meta = _Meta()


def _reason(answer: CarrierAnswer, *, known: int | None = None) -> str | None:
    """Return why a parcel was refused, in the service's own words; ``known`` is its code for one that is there."""
    if answer.status // 100 == 2:  # noqa: PLR2004 - the class of success
        return None
    try:
        if known is not None and msgspec.json.decode(answer.body, type=_Coded).meta.code == known:
            return None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    return own_words(answer.body) or f"it was rejected ({answer.status})"


def _named(service: str, parcel: ParcelToRegister, field: str) -> dict[str, Any]:
    name = name_of(service, parcel.courier_code)
    return {} if name is None else {field: name}


REGISTRARS: Final[Mapping[str, Registrar]] = {
    "17track": Registrar(40, _track17, stopping.track17, stopping.track17_again, pauses=True),
    "easypost": Registrar(5, _easypost),
    "shippo": Registrar(5, _shippo),
    "aftership": Registrar(5, _aftership, stopping.aftership),
    "ship24": Registrar(5, _ship24, stopping.ship24, stopping.ship24_again, pauses=True),
    "trackingmore": Registrar(3, _trackingmore, stopping.trackingmore),
}
"""The services that parcels can be registered at, by source. One round takes no more than ``most_at_once`` parcels."""
