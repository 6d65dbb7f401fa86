"""``/v1/events``: fetch the account's events, for programs that can't receive webhooks."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get

from waypost.actions.constraints import Time
from waypost.actions.events import next_events
from waypost.api.openapi.examples import AT, EVENT_ID, STATE
from waypost.api.openapi.operations import Operation, Parameter
from waypost.api.openapi.parameters import PAGE
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.problems import FieldError, invalid
from waypost.api.responses import answer_list, first_piece
from waypost.api.v1.admission import admit
from waypost.api.v1.feeds import BUSY, WAITING_PARAMETER, Asked, cursor_of, read_asked
from waypost.domain import ids
from waypost.domain.times import read_rfc3339, rfc3339
from waypost.domain.trackings import TrackingState
from waypost.payloads.v4 import TrackingObject, tracking_object
from waypost.store.feed import EventRow
from waypost.turns import Turn

_PARAMETERS: Final = frozenset({"cursor", "limit", "wait", "since"})


class Event(msgspec.Struct, frozen=True):
    """An event as v1 shows it; ``data`` is the V4 object."""

    id: str
    sequence: int
    created_at: str
    tracking_id: str
    tracking_number: str
    courier_code: str
    status: str
    substatus: str
    previous_status: str
    status_changed: bool
    source: str
    data: TrackingObject


class Feed(msgspec.Struct, frozen=True):
    """A page of events; its cursor continues after them, even if there are none."""

    items: list[Event]
    next_cursor: str


@get("/v1/events")
async def list_events(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Return the account's next events, oldest first; if there are none, wait up to ``wait`` seconds."""
    caller = await admit(request, parts, scope="read")
    asked = _read(read_query(request.scope["query_string"], _PARAMETERS), caller.account)
    rows = await next_events(parts, caller.actor, asked.after, limit=asked.limit, wait=asked.wait)
    items = await first_piece(_shown(rows, Turn(caller.account)))
    after = rows[len(items) - 1].id if items else asked.after
    cursor = msgspec.json.encode(cursor_of(caller.account, after))
    return answer_list(b'{"items":[', items, b'],"next_cursor":' + cursor + b"}\n", None)


async def _shown(rows: Sequence[EventRow], turn: Turn) -> AsyncIterator[bytes]:
    for row in rows:
        await turn.pause()
        state = row.state
        await turn.pause()
        yield msgspec.json.encode(show(row, state))


def show(row: EventRow, state: TrackingState) -> Event:
    """Return an event, whose unpacked state is given, as v1 shows it."""
    return Event(
        id=ids.to_text(ids.EVENT, row.id),
        sequence=row.sequence,
        created_at=rfc3339(datetime.fromtimestamp(ids.made_at(row.id) / 1000, UTC)),
        tracking_id=row.tracking.hex,
        tracking_number=row.tracking_number,
        courier_code=row.courier_code,
        status=row.status,
        substatus=row.substatus,
        previous_status=row.previous_status,
        status_changed=row.status != row.previous_status,
        source=row.source,
        data=tracking_object(state),
    )


def _read(query: dict[str, str], account: UUID) -> Asked:
    """Return the requested part of the feed. Raise Problem with all errors."""
    faults: list[FieldError] = []
    asked = read_asked(query, account, faults)
    if "since" in query:
        at = read_rfc3339(query["since"])
        if "cursor" in query:
            faults.append(FieldError("since", "can't be combined with a cursor"))
        elif at is None or at.timestamp() < 0:
            faults.append(FieldError("since", "must be a time such as 2026-03-04T13:20:00Z"))
        else:
            asked = msgspec.structs.replace(asked, after=ids.first_at(at))
    if faults:
        raise invalid(faults)
    return asked


ROUTES: Final = (list_events,)

_GROUP: Final = "API v1: deliveries and events"
_EVENT: Final = Event(
    id=EVENT_ID,
    sequence=2,
    created_at=AT,
    tracking_id=STATE.id,
    tracking_number=STATE.tracking_number,
    courier_code=STATE.courier_code,
    status=STATE.status,
    substatus=STATE.substatus,
    previous_status="inforeceived",
    status_changed=True,
    source="poll",
    data=tracking_object(STATE),
)
OPERATIONS: Final = (
    Operation(
        handler=list_events,
        group=_GROUP,
        scope="read",
        answers={200: Feed},
        example=Feed([_EVENT], f"cur_{'0' * 40}"),
        parameters=(
            *PAGE,
            WAITING_PARAMETER,
            Parameter("since", "Start at this time (RFC 3339), instead of a cursor.", Time),
        ),
        errors={429: BUSY},
    ),
)
