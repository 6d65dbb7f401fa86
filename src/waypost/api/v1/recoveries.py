"""``/v1/recoveries``: resend the events that an endpoint failed to accept or missed."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from waypost.actions import recoveries as changes
from waypost.actions.lists import Listed, listed
from waypost.actions.recoveries import Recovery, RecoveryRequest
from waypost.api.bodies import read_json
from waypost.api.openapi.examples import AT, ENDPOINT_ID, LATER
from waypost.api.openapi.operations import Operation
from waypost.api.openapi.parameters import PAGE
from waypost.api.pagination import read_page, read_query
from waypost.api.parts import Given
from waypost.api.responses import answer
from waypost.api.v1.admission import admit
from waypost.domain import ids
from waypost.store import recoveries

_ASKED: Final = msgspec.json.Decoder(changes.RecoveryRequest)
_LIST: Final = frozenset({"limit", "cursor"})


@get("/v1/recoveries")
async def list_recoveries(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List the account's recoveries, newest first."""
    caller = await admit(request, parts, scope="read")
    page = read_page(read_query(request.scope["query_string"], _LIST), ids.RECOVERY)
    async with parts.database.serving.acquire() as session:
        rows = await recoveries.of_account(session, caller.account, before=page.before, limit=page.limit + 1)
    return answer(listed(rows, page, lambda row: ids.to_text(ids.RECOVERY, row.id), changes.show))


@post("/v1/recoveries")
async def start(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Start a recovery; with `dry_run`, only count what it would send."""
    caller = await admit(request, parts, scope="write")
    row = await changes.start(parts, caller.actor, read_json(await request.body(), _ASKED))
    return answer(changes.show(row), HTTPStatus.CREATED)


@get("/v1/recoveries/{recovery_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, recovery_id: FromPath[str]) -> Response[bytes]:
    """Return one recovery and its progress."""
    caller = await admit(request, parts, scope="read")
    return answer(changes.show(await changes.find(parts, caller.actor, recovery_id)))


@post("/v1/recoveries/{recovery_id:str}/stop", status_code=HTTPStatus.OK)
async def stop(request: Request[Any, Any, Any], parts: Given, recovery_id: FromPath[str]) -> Response[bytes]:
    """Stop a recovery. Deliveries that it has queued are still sent."""
    caller = await admit(request, parts, scope="write")
    return answer(changes.show(await changes.stop(parts, caller.actor, recovery_id)))


ROUTES: Final = (list_recoveries, start, find, stop)

_GROUP: Final = "API v1: deliveries and events"
_RECOVERY: Final = Recovery(
    id="rec_019cb8c80a0070008000000000000005",
    endpoint_id=ENDPOINT_ID,
    only="missed",
    since=AT,
    until=LATER,
    dry_run=False,
    state="running",
    matched=120,
    queued=80,
    delivered=40,
    failed=0,
    created_at=LATER,
    finished_at=None,
)
OPERATIONS: Final = (
    Operation(
        handler=list_recoveries,
        group=_GROUP,
        scope="read",
        answers={200: Listed[Recovery]},
        example=Listed([_RECOVERY], None),
        parameters=PAGE,
    ),
    Operation(
        handler=start,
        group=_GROUP,
        scope="write",
        answers={201: Recovery},
        example=_RECOVERY,
        body=RecoveryRequest,
        body_example=RecoveryRequest(ENDPOINT_ID, AT, "missed"),
        errors={
            404: "The endpoint does not exist.",
            409: "The endpoint is disabled, or a recovery or count for it is already running.",
        },
    ),
    Operation(handler=find, group=_GROUP, scope="read", answers={200: Recovery}, example=_RECOVERY),
    Operation(
        handler=stop,
        group=_GROUP,
        scope="write",
        answers={200: Recovery},
        example=msgspec.structs.replace(_RECOVERY, state="stopped", finished_at=LATER),
        errors={409: "The recovery has already ended."},
    ),
)
