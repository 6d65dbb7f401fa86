"""``/v1/incidents``: what somebody must know, as a feed of changes."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get

from waypost.actions.constraints import one_of
from waypost.actions.incidents import Incident, next_changes, show
from waypost.api.openapi.examples import AT, ENDPOINT_ID
from waypost.api.openapi.operations import Operation, Parameter
from waypost.api.openapi.parameters import PAGE
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.problems import FieldError, invalid
from waypost.api.responses import answer
from waypost.api.v1.admission import admit
from waypost.api.v1.feeds import BUSY, WAITING_PARAMETER, cursor_of, read_asked
from waypost.domain.incidents import State

_PARAMETERS: Final = frozenset({"cursor", "limit", "wait", "state"})


class IncidentFeed(msgspec.Struct, frozen=True):
    """A page of incidents in the order of their last changes; an empty page has a cursor, too."""

    items: list[Incident]
    next_cursor: str


@get("/v1/incidents")
async def list_incidents(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Return the incidents that were opened, updated or closed since the cursor, oldest change first.

    An incident that changes again appears again; if there are none, wait up to ``wait`` seconds.
    """
    caller = await admit(request, parts, scope="read")
    query = read_query(request.scope["query_string"], _PARAMETERS)
    faults: list[FieldError] = []
    asked = read_asked(query, caller.account, faults)
    state = query.get("state")
    if state is not None and state not in list(State):
        faults.append(FieldError("state", f"must be one of {', '.join(State)}"))
    if faults:
        raise invalid(faults)
    wanted = None if state is None else State(state)
    rows = await next_changes(parts, caller.actor, asked.after, state=wanted, limit=asked.limit, wait=asked.wait)
    after = rows[-1].change if rows else asked.after
    return answer(IncidentFeed([show(row) for row in rows], cursor_of(caller.account, after)))


ROUTES: Final = (list_incidents,)

_INCIDENT: Final = Incident(
    id="inc_019cb8c80a0070008000000000000007",
    kind="endpoint_failing",
    subject=ENDPOINT_ID,
    state="open",
    opened_at=AT,
    closed_at=None,
    message="https://shop.example.com/webhooks has not accepted any webhook since 04 Mar 2026, 13:20 UTC.",
    details={"url": "https://shop.example.com/webhooks", "last_error": "timed_out"},
)
OPERATIONS: Final = (
    Operation(
        handler=list_incidents,
        group="API v1: incidents and alerts",
        scope="read",
        answers={200: IncidentFeed},
        example=IncidentFeed([_INCIDENT], f"cur_{'0' * 40}"),
        parameters=(
            *PAGE,
            WAITING_PARAMETER,
            Parameter("state", "Only incidents that are currently in this state.", Annotated[str, one_of(State)]),
        ),
        errors={429: BUSY},
    ),
)
