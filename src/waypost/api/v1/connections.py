"""``/v1/connections``: the carriers and services that an account has connected, and their health."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath

from waypost.actions import connections as changes
from waypost.actions import push_connections
from waypost.actions.connection_health import Connection
from waypost.api.bodies import read_json
from waypost.api.keys import Caller
from waypost.api.openapi.operations import Operation
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.responses import answer, answer_secret, nothing
from waypost.api.v1.admission import admit

_ADDED: Final = msgspec.json.Decoder(changes.NewConnection)
_CHANGED: Final = msgspec.json.Decoder(changes.ConnectionChange)


class Connections(msgspec.Struct, frozen=True):
    """The account's connections and those of the installation; all on one page."""

    items: list[Connection]
    next_cursor: str | None = None


@get("/v1/connections")
async def list_connections(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the account's connections and those of the installation, oldest first."""
    caller = await admit(request, parts, scope="read")
    read_query(request.scope["query_string"], frozenset())
    found = await changes.list_connections(parts, caller.actor)
    return answer_secret(Connections([_visible(one, caller) for one in found]))


@post("/v1/connections")
async def add(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Connect a carrier, whose credentials are tested first unless `untested` is set, or a service that pushes."""
    caller = await admit(request, parts, scope="write")
    body = read_json(await request.body(), _ADDED)
    return answer_secret(await changes.add(parts, caller.actor, body), HTTPStatus.CREATED)


@get("/v1/connections/{connection_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[bytes]:
    """Return one connection, without its credentials."""
    caller = await admit(request, parts, scope="read")
    return answer_secret(_visible(await changes.find(parts, caller.actor, changes.read_id(connection_id)), caller))


def _visible(connection: Connection, caller: Caller) -> Connection:
    """Return a connection without its address, which is a secret, for a key that may only read."""
    return connection if "write" in caller.scopes else msgspec.structs.replace(connection, inbound_url=None)


@patch("/v1/connections/{connection_id:str}")
async def change(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[bytes]:
    """Update the given fields of a connection. New credentials are tested before they replace the old ones."""
    caller = await admit(request, parts, scope="write")
    connection = changes.read_id(connection_id)
    body = read_json(await request.body(), _CHANGED)
    return answer_secret(await changes.change(parts, caller.actor, connection, body))


@delete("/v1/connections/{connection_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def remove(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[None]:
    """Delete a connection and its credentials. Its parcels move to other connections for their couriers."""
    caller = await admit(request, parts, scope="write")
    await changes.delete(parts, caller.actor, changes.read_id(connection_id))
    return nothing()


@post("/v1/connections/{connection_id:str}/test", status_code=HTTPStatus.OK)
async def test(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[bytes]:
    """Test the credentials of a connection; `message` contains the carrier's response."""
    caller = await admit(request, parts, scope="write")
    return answer(await changes.test_credentials(parts, caller.actor, changes.read_id(connection_id)))


class Pushes(msgspec.Struct, frozen=True):
    """The latest pushes to a connection, newest first."""

    items: list[push_connections.PushCall]


class NewAddress(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call that replaces an address; with ``at_once`` the old one stops working at once."""

    at_once: bool = False


_NEW_ADDRESS: Final = msgspec.json.Decoder(NewAddress)


@get("/v1/connections/{connection_id:str}/pushes")
async def list_pushes(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[bytes]:
    """List the latest ten pushes to a connection, newest first, each with its result."""
    caller = await admit(request, parts, scope="read")
    found = await push_connections.latest_calls(parts, caller.actor, changes.read_id(connection_id))
    return answer(Pushes(found))


@post("/v1/connections/{connection_id:str}/read-again", status_code=HTTPStatus.OK)
async def read_again(request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]) -> Response[bytes]:
    """Read the stored pushes again that could not be read, for example after an upgrade."""
    caller = await admit(request, parts, scope="write")
    return answer(await push_connections.read_again(parts, caller.actor, changes.read_id(connection_id)))


@post("/v1/connections/{connection_id:str}/address", status_code=HTTPStatus.OK)
async def replace_address(
    request: Request[Any, Any, Any], parts: Given, connection_id: FromPath[str]
) -> Response[bytes]:
    """Replace the address of a connection. The old one works for 24 hours, unless `at_once` is true."""
    caller = await admit(request, parts, scope="write")
    connection = changes.read_id(connection_id)
    body = read_json(await request.body() or b"{}", _NEW_ADDRESS)
    changed = await push_connections.replace_address(parts, caller.actor, connection, at_once=body.at_once)
    return answer_secret(changed)


ROUTES: Final = (list_connections, add, find, change, remove, test, list_pushes, read_again, replace_address)

_GROUP: Final = "API v1: connections"
_AT: Final = "2026-03-04T13:20:00.000Z"
_MIDNIGHT: Final = "2026-03-05T00:00:00.000Z"
_CONNECTION: Final = Connection(
    id="con_019cb8c80a0070008000000000000001",
    source="ups",
    kind="carrier",
    name="UPS, main account",
    owner="account",
    enabled=True,
    state="works",
    state_since=_AT,
    message=None,
    sample=None,
    last_answer_at=_AT,
    limited_until=None,
    asks_left=9788,
    asks_reset_at=_MIDNIGHT,
    courier_codes=["ups", "ups-mi"],
    parcels=1840,
    behind_seconds=0,
    settings={"daily_calls": "10000"},
    credentials_set=["client_id", "client_secret"],
    inbound_url=None,
    unknown_codes=[],
    created_at=_AT,
    updated_at=_AT,
)
_CREDENTIALS: Final = {"client_id": "client-id", "client_secret": "client-secret"}
_BUSY: Final = "Other credentials of the account are being tested, or the database is unavailable; see Retry-After."
_REFUSED: Final = "The carrier rejected the credentials; `detail` says why. `untested` stores them anyway."

OPERATIONS: Final = (
    Operation(
        handler=list_connections,
        group=_GROUP,
        scope="read",
        answers={200: Connections},
        example=Connections([_CONNECTION]),
    ),
    Operation(
        handler=add,
        group=_GROUP,
        scope="write",
        answers={201: Connection},
        example=_CONNECTION,
        body=changes.NewConnection,
        body_example=changes.NewConnection("ups", _CREDENTIALS, "UPS, main account", {"daily_calls": "10000"}),
        errors={409: _REFUSED, 429: _BUSY},
    ),
    Operation(handler=find, group=_GROUP, scope="read", answers={200: Connection}, example=_CONNECTION),
    Operation(
        handler=change,
        group=_GROUP,
        scope="write",
        answers={200: Connection},
        example=_CONNECTION,
        body=changes.ConnectionChange,
        body_example=changes.ConnectionChange(name="UPS, main account"),
        errors={409: _REFUSED, 429: _BUSY},
    ),
    Operation(handler=remove, group=_GROUP, scope="write", answers={204: None}),
    Operation(
        handler=test,
        group=_GROUP,
        scope="write",
        answers={200: changes.Probe},
        example=changes.Probe(ok=True, message="UPS accepts the credentials.", asked_at=_AT),
        errors={429: _BUSY},
    ),
    Operation(
        handler=list_pushes,
        group=_GROUP,
        scope="read",
        answers={200: Pushes},
        example=Pushes([push_connections.PushCall(_AT, "updated", "9400136208303376853480")]),
    ),
    Operation(
        handler=read_again,
        group=_GROUP,
        scope="write",
        answers={200: push_connections.ReadAgain},
        example=push_connections.ReadAgain(3),
    ),
    Operation(
        handler=replace_address,
        group=_GROUP,
        scope="write",
        answers={200: Connection},
        example=_CONNECTION,
        body=NewAddress,
        body_example=NewAddress(at_once=True),
    ),
)
