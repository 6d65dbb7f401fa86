"""``/v1/endpoints``: the URLs that receive an account's events."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from waypost.actions import endpoint_secrets, endpoint_tests
from waypost.actions import endpoints as changes
from waypost.actions.constraints import between
from waypost.actions.deliveries import DeliveryWithAttempts, show_with_attempts
from waypost.actions.endpoint_settings import EndpointChange, EndpointCreation
from waypost.actions.endpoint_tests import RequestedTest
from waypost.actions.endpoints import Endpoint
from waypost.actions.lists import Listed, listed
from waypost.api.bodies import read_json
from waypost.api.openapi.examples import DELIVERED, ENDPOINT
from waypost.api.openapi.operations import Operation
from waypost.api.openapi.parameters import PAGE
from waypost.api.pagination import read_page, read_query
from waypost.api.parts import Given
from waypost.api.responses import answer, answer_secret, nothing
from waypost.api.v1.admission import admit
from waypost.domain import ids
from waypost.domain.times import rfc3339
from waypost.signing.standard import standard_secret
from waypost.store import endpoints

_ADDED: Final = msgspec.json.Decoder(EndpointCreation)
_CHANGED: Final = msgspec.json.Decoder(EndpointChange)
_LIST: Final = frozenset({"limit", "cursor"})


class NewEndpoint(Endpoint, frozen=True, kw_only=True):
    """A new endpoint, with its secret."""

    secret: str


class PreviousSecret(msgspec.Struct, frozen=True):
    """The previous secret, and until when it also signs."""

    secret: str
    until: str


class SecretAnswer(msgspec.Struct, frozen=True):
    """A secret as V4 uses it and as Standard Webhooks libraries expect it."""

    secret: str
    standard_secret: str
    previous: PreviousSecret | None


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a rotation."""

    secret: str | None = None
    overlap_seconds: Annotated[int, between(0, endpoint_secrets.LONGEST_OVERLAP_SECONDS)] = (
        endpoint_secrets.OVERLAP_SECONDS
    )


_ROTATION: Final = msgspec.json.Decoder(Rotation)
_TEST: Final = msgspec.json.Decoder(RequestedTest)


@get("/v1/endpoints")
async def list_endpoints(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the account's endpoints, newest first."""
    caller = await admit(request, parts, scope="read")
    page = read_page(read_query(request.scope["query_string"], _LIST), ids.ENDPOINT)
    async with parts.database.serving.acquire() as session:
        rows = await endpoints.of_account(session, caller.account, before=page.before, limit=page.limit + 1)
    return answer(
        listed(rows, page, lambda row: ids.to_text(ids.ENDPOINT, row.id), lambda row: changes.show(parts, row))
    )


@post("/v1/endpoints")
async def add(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Add an endpoint."""
    caller = await admit(request, parts, scope="write")
    row, secret = await changes.add(parts, caller.actor, read_json(await request.body(), _ADDED))
    return answer_secret(
        NewEndpoint(**msgspec.structs.asdict(changes.show(parts, row)), secret=secret), HTTPStatus.CREATED
    )


@get("/v1/endpoints/{endpoint_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return one endpoint."""
    caller = await admit(request, parts, scope="read")
    return answer(changes.show(parts, await changes.find(parts, caller.actor, changes.read_id(endpoint_id))))


@patch("/v1/endpoints/{endpoint_id:str}")
async def change(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Update the given fields of an endpoint. Waiting deliveries use the new settings."""
    caller = await admit(request, parts, scope="write")
    endpoint = changes.read_id(endpoint_id)
    body = read_json(await request.body(), _CHANGED)
    return answer(changes.show(parts, await changes.change(parts, caller.actor, endpoint, body)))


@delete("/v1/endpoints/{endpoint_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def remove(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[None]:
    """Delete an endpoint and cancel its waiting deliveries."""
    caller = await admit(request, parts, scope="write")
    await changes.remove(parts, caller.actor, changes.read_id(endpoint_id))
    return nothing()


@post("/v1/endpoints/{endpoint_id:str}/enable", status_code=HTTPStatus.OK)
async def enable(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Enable an endpoint. New events are sent to it."""
    caller = await admit(request, parts, scope="write")
    return answer(changes.show(parts, await changes.switch(parts, caller.actor, changes.read_id(endpoint_id), on=True)))


@post("/v1/endpoints/{endpoint_id:str}/disable", status_code=HTTPStatus.OK)
async def disable(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Disable an endpoint and cancel its waiting deliveries."""
    caller = await admit(request, parts, scope="write")
    return answer(
        changes.show(parts, await changes.switch(parts, caller.actor, changes.read_id(endpoint_id), on=False))
    )


@post("/v1/endpoints/{endpoint_id:str}/test", status_code=HTTPStatus.OK)
async def test(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Send a sample, a parcel or a body, and return the result; 202 if the endpoint has not responded in time."""
    caller = await admit(request, parts, scope="write")
    body = read_json(await request.body(), _TEST)
    row = await endpoint_tests.send_test(parts, caller.actor, changes.read_id(endpoint_id), body)
    shown = await show_with_attempts(parts, row)
    return answer(shown, HTTPStatus.ACCEPTED if row.state is None else HTTPStatus.OK)


@get("/v1/endpoints/{endpoint_id:str}/secret")
async def secret(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return the secret that signs an endpoint's webhooks."""
    caller = await admit(request, parts, scope="write")
    return _answer_secrets(await endpoint_secrets.reveal(parts, caller.actor, changes.read_id(endpoint_id)))


@post("/v1/endpoints/{endpoint_id:str}/rotate-secret", status_code=HTTPStatus.OK)
async def rotate_secret(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Rotate the secret. The current one also signs until the overlap ends."""
    caller = await admit(request, parts, scope="write")
    endpoint = changes.read_id(endpoint_id)
    text = await request.body()
    body = read_json(text, _ROTATION) if text else Rotation()
    seconds = body.overlap_seconds
    found = await endpoint_secrets.rotate(parts, caller.actor, endpoint, secret=body.secret, overlap_seconds=seconds)
    return _answer_secrets(found)


@post("/v1/endpoints/{endpoint_id:str}/end-rotation", status_code=HTTPStatus.OK)
async def end_rotation(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Remove the previous secret before the overlap ends."""
    caller = await admit(request, parts, scope="write")
    return _answer_secrets(await endpoint_secrets.end_rotation(parts, caller.actor, changes.read_id(endpoint_id)))


def _answer_secrets(found: endpoint_secrets.OpenedSecrets) -> Response[bytes]:
    previous = None
    if found.previous is not None and found.until is not None:
        previous = PreviousSecret(found.previous, rfc3339(datetime.fromtimestamp(found.until, UTC)))
    return answer_secret(SecretAnswer(found.current, standard_secret(found.current), previous))


ROUTES: Final = (
    *(list_endpoints, add, find, change, remove, enable, disable, test, secret, rotate_secret, end_rotation),
)

_GROUP: Final = "API v1: endpoints"
_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - an example
_SECRETS: Final = SecretAnswer(_SECRET, _SECRET, None)
OPERATIONS: Final = (
    Operation(
        handler=list_endpoints,
        group=_GROUP,
        scope="read",
        answers={200: Listed[Endpoint]},
        example=Listed([ENDPOINT], None),
        parameters=PAGE,
    ),
    Operation(
        handler=add,
        group=_GROUP,
        scope="write",
        answers={201: NewEndpoint},
        example=NewEndpoint(**msgspec.structs.asdict(ENDPOINT), secret=_SECRET),
        body=EndpointCreation,
        body_example={"url": ENDPOINT.url, "description": "The shop", "statuses": ["delivered", "exception"]},
        errors={409: "The account has reached its endpoint limit, or another endpoint already gets the same events."},
    ),
    Operation(handler=find, group=_GROUP, scope="read", answers={200: Endpoint}, example=ENDPOINT),
    Operation(
        handler=change,
        group=_GROUP,
        scope="write",
        answers={200: Endpoint},
        example=ENDPOINT,
        body=EndpointChange,
        body_example={"description": "The shop"},
        errors={409: "Another endpoint already gets the same events."},
    ),
    Operation(handler=remove, group=_GROUP, scope="write", answers={204: None}),
    Operation(handler=enable, group=_GROUP, scope="write", answers={200: Endpoint}, example=ENDPOINT),
    Operation(handler=disable, group=_GROUP, scope="write", answers={200: Endpoint}, example=ENDPOINT),
    Operation(
        handler=test,
        group=_GROUP,
        scope="write",
        answers={200: DeliveryWithAttempts, 202: DeliveryWithAttempts},
        example=DELIVERED,
        body=RequestedTest,
        body_example=RequestedTest("delivered"),
    ),
    Operation(handler=secret, group=_GROUP, scope="write", answers={200: SecretAnswer}, example=_SECRETS),
    Operation(
        handler=rotate_secret,
        group=_GROUP,
        scope="write",
        answers={200: SecretAnswer},
        example=_SECRETS,
        body=Rotation,
        body_example=Rotation(),
        body_required=False,
    ),
    Operation(handler=end_rotation, group=_GROUP, scope="write", answers={200: SecretAnswer}, example=_SECRETS),
)
