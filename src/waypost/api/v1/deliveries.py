"""``/v1/deliveries``: sent and waiting deliveries."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from waypost.actions import deliveries as changes
from waypost.actions.constraints import one_of
from waypost.actions.deliveries import Delivery, DeliveryWithAttempts
from waypost.actions.lists import Listed
from waypost.api.openapi.examples import DELIVERED, DELIVERY
from waypost.api.openapi.operations import Operation, Parameter
from waypost.api.openapi.parameters import BETWEEN, PAGE
from waypost.api.pagination import read_page, read_query
from waypost.api.parts import Given
from waypost.api.responses import answer
from waypost.api.v1.admission import admit
from waypost.domain import ids
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.statuses import SELECTABLE

_FILTERS: Final = ("endpoint", "tracking_number", "status", "state", "since", "until", "test")
_LIST: Final = frozenset({*_FILTERS, "limit", "cursor"})


@get("/v1/deliveries")
async def list_deliveries(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the account's deliveries, newest first."""
    caller = await admit(request, parts, scope="read")
    query = read_query(request.scope["query_string"], _LIST)
    page = read_page(query, ids.DELIVERY)
    wanted, status = changes.read_delivery_filters(query, page)
    return answer(await changes.find_page(parts, caller.actor, wanted, status, page))


@get("/v1/deliveries/{delivery_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, delivery_id: FromPath[str]) -> Response[bytes]:
    """Return one delivery with its attempts."""
    caller = await admit(request, parts, scope="read")
    row = await changes.find(parts, caller.actor, changes.read_id(delivery_id))
    return answer(await changes.show_with_attempts(parts, row))


@post("/v1/deliveries/{delivery_id:str}/resend")
async def resend(request: Request[Any, Any, Any], parts: Given, delivery_id: FromPath[str]) -> Response[bytes]:
    """Resend a delivery's event, outside its parcel's order."""
    caller = await admit(request, parts, scope="write")
    row = await changes.resend(parts, caller.actor, changes.read_id(delivery_id))
    return answer(await changes.show_with_attempts(parts, row), HTTPStatus.CREATED)


@post("/v1/deliveries/{delivery_id:str}/cancel")
async def cancel(request: Request[Any, Any, Any], parts: Given, delivery_id: FromPath[str]) -> Response[bytes]:
    """Cancel a delivery; 202 if an attempt is in flight, whose result decides."""
    caller = await admit(request, parts, scope="write")
    row, at_once = await changes.cancel(parts, caller.actor, changes.read_id(delivery_id))
    return answer(await changes.show_with_attempts(parts, row), HTTPStatus.OK if at_once else HTTPStatus.ACCEPTED)


ROUTES: Final = (list_deliveries, find, resend, cancel)

_GROUP: Final = "API v1: deliveries and events"
_PARAMETERS: Final = (
    Parameter("endpoint", "The id of an endpoint."),
    Parameter("tracking_number", "The number of a parcel."),
    Parameter("status", "A main status of the event.", Annotated[str, one_of(SELECTABLE)]),
    Parameter("state", "The state of the delivery.", Annotated[str, one_of([*Waiting, *Settled])]),
    Parameter("test", "`true` for tests only, `false` to exclude tests.", bool),
    *BETWEEN,
    *PAGE,
)
OPERATIONS: Final = (
    Operation(
        handler=list_deliveries,
        group=_GROUP,
        scope="read",
        answers={200: Listed[Delivery]},
        example=Listed([DELIVERY], None),
        parameters=_PARAMETERS,
    ),
    Operation(
        handler=find,
        group=_GROUP,
        scope="read",
        answers={200: DeliveryWithAttempts},
        example=DELIVERED,
    ),
    Operation(
        handler=resend,
        group=_GROUP,
        scope="write",
        answers={201: DeliveryWithAttempts},
        example=msgspec.structs.replace(DELIVERED, resend_of="dlv_019cb8c80a0070198000000000000004"),
        errors={409: "It was a test, its event or parcel no longer exists, or its endpoint is disabled or deleted."},
    ),
    Operation(
        handler=cancel,
        group=_GROUP,
        scope="write",
        answers={200: DeliveryWithAttempts, 202: DeliveryWithAttempts},
        example=msgspec.structs.replace(DELIVERED, state="cancelled", reason="user"),
        errors={409: "The delivery has already ended."},
    ),
)
