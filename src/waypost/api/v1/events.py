"""``/v1/events``: fetch the account's events, for programs that can't receive webhooks."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get

from waypost.actions.constraints import Time, between
from waypost.actions.events import LONGEST_WAIT, MOST_WAITING, next_events
from waypost.api.answers import answer_list, first_items
from waypost.api.openapi.examples import AT, EVENT_ID, STATE
from waypost.api.openapi.operations import Operation, Parameter
from waypost.api.openapi.parameters import PAGE
from waypost.api.pagination import LARGEST_PAGE, PAGE_SIZE, read_number, read_query
from waypost.api.parts import Given
from waypost.api.problems import FieldError, invalid
from waypost.api.v1.admission import admit
from waypost.domain import ids
from waypost.domain.times import read_rfc3339, rfc3339
from waypost.domain.trackings import TrackingState
from waypost.payloads.v4 import TrackingObject, tracking_object
from waypost.store.deliveries import LAST
from waypost.store.feed import EventRow
from waypost.turns import Turn

_PARAMETERS: Final = frozenset({"cursor", "limit", "wait", "since"})
_CURSOR: Final = re.compile(r"cur_[0-9a-f]{40}")
_BEGINNING: Final = UUID(int=0)


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
    """A page of events; its cursor goes on behind them, also when there are none."""

    items: list[Event]
    next_cursor: str


class _Asked(msgspec.Struct, frozen=True):
    after: UUID
    limit: int
    wait: int


@get("/v1/events")
async def list_events(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Return the account's next events, oldest first; if there are none, wait up to ``wait`` seconds."""
    caller = await admit(request, parts, scope="read")
    asked = _read(read_query(request.scope["query_string"], _PARAMETERS), caller.account)
    rows = await next_events(parts, caller.actor, asked.after, limit=asked.limit, wait=asked.wait)
    items = await first_items(_shown(rows, Turn(caller.account)))
    after = rows[len(items) - 1].id if items else asked.after
    cursor = msgspec.json.encode(_cursor(caller.account, after))
    return answer_list(b'{"items":[', items, b'],"next_cursor":' + cursor + b"}", None)


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


def _read(query: dict[str, str], account: UUID) -> _Asked:
    """Read what is asked for. Raises Problem with all that is wrong."""
    faults: list[FieldError] = []
    limit = read_number(query, "limit", PAGE_SIZE, faults, least=1, most=LARGEST_PAGE)
    wait = read_number(query, "wait", 0, faults, least=0, most=LONGEST_WAIT)
    after: UUID | None = _BEGINNING
    if "cursor" in query and (after := _position(account, query["cursor"])) is None:
        faults.append(FieldError("cursor", "must be the next_cursor of an earlier response to the same account"))
    if "since" in query:
        at = read_rfc3339(query["since"])
        if "cursor" in query:
            faults.append(FieldError("since", "can't be combined with a cursor"))
        elif at is None or at.timestamp() < 0:
            faults.append(FieldError("since", "must be a time such as 2026-03-04T13:20:00Z"))
        else:
            after = ids.first_at(at)
    if faults or after is None:
        raise invalid(faults)
    return _Asked(after, limit, wait)


def _cursor(account: UUID, after: UUID) -> str:
    return f"cur_{after.hex}{_binding(account, after)}"


def _position(account: UUID, cursor: str) -> UUID | None:
    """Give the id that a cursor stands behind; None for what is no cursor of this account."""
    if not _CURSOR.fullmatch(cursor):
        return None
    after = UUID(hex=cursor[4:-8])
    return after if after <= LAST and cursor == _cursor(account, after) else None


def _binding(account: UUID, after: UUID) -> str:
    """Bind a cursor to its account. It is no secret: a position says nothing of what stands there."""
    return blake2b(account.bytes + after.bytes, digest_size=4).hexdigest()


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
            Parameter(
                "wait",
                f"Seconds to wait if there are no events: 0 by default, at most {LONGEST_WAIT}.",
                Annotated[int, between(0, LONGEST_WAIT)],
            ),
            Parameter("since", "Start at this time (RFC 3339), instead of a cursor.", Time),
        ),
        errors={503: f"{MOST_WAITING} calls of the account are already waiting; see Retry-After."},
    ),
)
