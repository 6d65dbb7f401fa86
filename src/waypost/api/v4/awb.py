"""``/v4/awb``: air waybills are validated; there is no source for airlines."""

import re
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post

from waypost.api.call_limits import Call
from waypost.api.openapi.operations import Operation
from waypost.api.parts import Given
from waypost.api.v4.admission import admit
from waypost.api.v4.body_types import AirWaybill
from waypost.api.v4.envelope import INVALID_AWB, UNSUPPORTED_AIRLINE, CodedError
from waypost.api.v4.fields import read_object

_AWB: Final = re.compile(r"(?P<airline>\d{3})[ -]?(?P<serial>\d{7})(?P<check>\d)", re.ASCII)
_MODULUS: Final = 7


@post(["/v4/awb", "/v4//awb"], status_code=HTTPStatus.OK)
async def create(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Reject an air waybill: an invalid number, or an unsupported airline."""
    await admit(request, parts, Call.AWB)
    number = read_object(await request.body(), frozenset({"awb_number"})).get("awb_number", "").strip()
    if not number:
        raise CodedError(INVALID_AWB, "The value of awb_number is required.")
    match = _AWB.fullmatch(number)
    if match is None:
        raise CodedError(INVALID_AWB, "The air waybill number format is invalid. Example: 235-69030430.")
    if int(match["serial"]) % _MODULUS != int(match["check"]):
        raise CodedError(INVALID_AWB, "The air waybill number is invalid: its check digit is wrong.")
    raise CodedError(
        UNSUPPORTED_AIRLINE, f"The airline {match['airline']} is not supported: no source is configured for it."
    )


ROUTES: Final = (create,)

_GROUP: Final = "API v4: air waybills"
OPERATIONS: Final = (
    Operation(
        handler=create,
        group=_GROUP,
        scope="write",
        answers={},
        body=AirWaybill,
        body_example={"awb_number": "235-69030430"},
        errors={400: "4160 for an invalid number, 4161 for an airline without a source; currently no airline has one."},
    ),
)
