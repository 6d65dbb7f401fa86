"""``/v4/couriers/all`` and ``/v4/couriers/detect``: the couriers that are known, and those that a number fits."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post

from waypost.actions.parcel_fields import read_number
from waypost.api.call_limits import Call
from waypost.api.openapi.examples import STATE
from waypost.api.openapi.operations import Operation
from waypost.api.parts import Given
from waypost.api.responses import answer_bytes
from waypost.api.v4.admission import admit
from waypost.api.v4.body_types import Number
from waypost.api.v4.envelope import COURIER_UNDETECTED, CodedError, answer_success
from waypost.api.v4.fields import read_object
from waypost.sources.couriers.detection import detect as guess
from waypost.sources.couriers.table import CourierType, RequiredFact, couriers

_DETECT: Final = frozenset({"tracking_number"})


class CourierObject(msgspec.Struct, frozen=True):
    """A courier as v4 represents it. The logo is always empty, because logos belong to the couriers."""

    courier_name: str
    courier_code: str
    courier_country_iso2: str | None
    courier_url: str | None
    courier_phone: str | None
    courier_type: CourierType
    tracking_required_fields: Sequence[RequiredFact] | None
    optional_fields: Sequence[RequiredFact] | None
    default_language: str | None
    support_language: Sequence[str]
    courier_logo: str | None = None


@get("/v4/couriers/all")
async def every(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List all couriers by code."""
    await admit(request, parts, Call.COURIERS)
    return answer_bytes(_every())


@post("/v4/couriers/detect", status_code=HTTPStatus.OK)
async def detect(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the couriers that a tracking number can belong to, most likely first."""
    await admit(request, parts, Call.DETECT)
    found = guess(read_number(read_object(await request.body(), _DETECT)))
    if not found:
        raise CodedError(COURIER_UNDETECTED, "Cannot detect courier.")
    return answer_success([courier_object(one.courier) for one in found])


@cache
def _every() -> bytes:
    return answer_success([courier_object(code) for code in couriers()]).content


def courier_object(code: str) -> CourierObject:
    """Return a courier of the table as v4 shows it."""
    courier = couriers()[code]
    return CourierObject(
        courier_name=courier.name,
        courier_code=code,
        courier_country_iso2=courier.country,
        courier_url=courier.url,
        courier_phone=courier.phone,
        courier_type=courier.type,
        tracking_required_fields=courier.required or None,
        optional_fields=courier.optional or None,
        default_language=next(iter(courier.languages), None),
        support_language=courier.languages,
    )


ROUTES: Final = (every, detect)

_GROUP: Final = "API v4: couriers"
_COURIER: Final = courier_object("usps")
OPERATIONS: Final = (
    Operation(handler=every, group=_GROUP, scope="read", answers={200: list[CourierObject]}, example=[_COURIER]),
    Operation(
        handler=detect,
        group=_GROUP,
        scope="read",
        answers={200: list[CourierObject]},
        example=[_COURIER],
        body=Number,
        body_example={"tracking_number": STATE.tracking_number},
        errors={400: "4110 and 4111 for the number, 4121 if it matches no courier."},
    ),
)
