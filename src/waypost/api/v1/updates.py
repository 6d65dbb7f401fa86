"""``POST /v1/updates``: a shop's program reports what a carrier said."""

from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, post

from waypost.actions import updates
from waypost.actions.refusals import Busy, TooManyWaiting, Unavailable
from waypost.actions.shared_numbers import of_registered
from waypost.actions.updates import IdempotencyKey, WrittenUpdate
from waypost.api.admission import note_account
from waypost.api.also_tracked import also_tracked
from waypost.api.bodies import LARGEST_BODY
from waypost.api.keys import Caller
from waypost.api.openapi.examples import EVENT_ID, STATE
from waypost.api.openapi.operations import OVERLOADED, Operation, Parameter
from waypost.api.parts import Given, Parts
from waypost.api.problems import FieldError, invalid, later
from waypost.api.responses import answer_bytes
from waypost.api.v1.reports import BODY, read_reports
from waypost.domain import ids
from waypost.turns import Turn, give_way

LONGEST_KEY: Final = 255
LONGEST_LENGTH: Final = 18
"""Digits of a `content-length`; Python reads thousands of them slowly."""


class ResultError(msgspec.Struct, frozen=True):
    """Why an update was rejected."""

    code: str
    field: str
    message: str


class UpdateResult(msgspec.Struct, frozen=True, gc=False):
    """The result of one update; ``event_id`` is null when it changed nothing that is pushed."""

    tracking_id: str | None
    event_id: str | None
    error: ResultError | None


class UpdatesAnswer(msgspec.Struct, frozen=True):
    """The results of all updates: ``accepted`` have no error, ``changed`` changed their tracking."""

    accepted: int
    changed: int
    results: list[UpdateResult]


_UNKNOWN: Final = UpdateResult(
    None,
    None,
    ResultError("unknown_tracking", "tracking_number", "is not registered. Create it first, or send create: true"),
)

_NO_ROOM: Final = UpdateResult(
    None,
    None,
    ResultError("quota_reached", "tracking_number", "is not registered, and the account's quota of parcels is used up"),
)


@post("/v1/updates", request_max_body_size=LARGEST_BODY, status_code=HTTPStatus.OK)
async def report(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Report updates. Once the response arrives, changes, events and deliveries are durable."""
    caller = await parts.keys.caller(request.headers, scope="updates")
    note_account(request, caller)
    await give_way()
    try:
        async with parts.bodies.arriving(caller.account, _length(request)):
            await _admit(request, parts, caller.account)
            body = await request.body()
            async with parts.bodies.arrived(caller.account, len(body)):
                return await _report(parts, caller, body, request.headers.get("idempotency-key"))
    except TooManyWaiting as refusal:
        await _discard(request, caller.account)
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", refusal.sentence) from None
    except (Busy, Unavailable) as refusal:
        raise later(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", refusal.sentence) from None


def _length(request: Request[Any, Any, Any]) -> int:
    """Return the declared length of the body, or the maximum if none is declared."""
    said = request.headers.get("content-length", "")
    return min(int(said), LARGEST_BODY) if said.isdecimal() and len(said) <= LONGEST_LENGTH else LARGEST_BODY


async def _admit(request: Request[Any, Any, Any], parts: Parts, account: UUID) -> None:
    """Raise Problem 429 while an account exceeds its rate of reports."""
    if parts.report_rates is not None and (seconds := parts.report_rates.wait(account)):
        await _discard(request, account)
        detail = f"This account has reported more scans or bytes than it may: come again in {seconds} s."
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", detail, seconds=seconds)


async def _discard(request: Request[Any, Any, Any], account: UUID) -> None:
    """Read and discard a body: a client that is still sending would not see the response.

    It is read in turns, so that an account that is refused does not keep the loop busy with what it sends.
    """
    turn = Turn(account)
    async for _ in request.stream():
        await turn.begin()


async def _report(parts: Parts, caller: Caller, body: bytes, key: str | None) -> Response[bytes]:
    """Return the response to a body once its updates are durable. Rejected updates count as reported, too."""
    rates, created = parts.report_rates, list[tuple[str, str]]()

    def count(scans: int) -> None:
        if rates is not None:
            rates.spend(caller.account, scans=scans)

    if rates is not None:
        rates.spend(caller.account, size=len(body))
    reports = await read_reports(body, caller.account, count)

    def rendered(results: Sequence[WrittenUpdate]) -> bytes:
        made = zip(reports, results, strict=True)
        created.extend((one.tracking_number, one.courier_code) for one, result in made if result.created)
        return render(results)

    answered = await updates.report(parts, caller.actor, reports, rendered, _key(key, body))
    return answer_bytes(answered, headers=also_tracked(await of_registered(parts, caller.actor, created)))


def render(results: Sequence[WrittenUpdate]) -> bytes:
    """Return the response to updates of which these are the results."""
    shown = [_shown(result) for result in results]
    accepted = sum(one.error is None for one in shown)
    return msgspec.json.encode(UpdatesAnswer(accepted, sum(result.changed for result in results), shown)) + b"\n"


def _shown(result: WrittenUpdate) -> UpdateResult:
    if result.tracking is None:
        return _NO_ROOM if result.no_room else _UNKNOWN
    event = None if result.event is None else ids.to_text(ids.EVENT, result.event)
    return UpdateResult(result.tracking.hex, event, None)


def _key(text: str | None, body: bytes) -> IdempotencyKey | None:
    if text is None:
        return None
    if not (1 <= len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()):
        raise invalid([FieldError("Idempotency-Key", f"must have 1 to {LONGEST_KEY} printable ASCII characters")])
    return IdempotencyKey(text, sha256(body).digest())


ROUTES: Final = (report,)

_GROUP: Final = "API v1: updates"
_SCAN: Final = {
    "checkpoint_date": "2026-03-04T13:20:00",
    "tracking_detail": "Out for delivery",
    "checkpoint_delivery_status": "pickup",
}
_REPORT: Final = {
    "tracking_number": STATE.tracking_number,
    "courier_code": STATE.courier_code,
    "create": True,
    "checkpoints": [_SCAN],
}
OPERATIONS: Final = (
    Operation(
        handler=report,
        group=_GROUP,
        scope="updates",
        answers={200: UpdatesAnswer},
        example=UpdatesAnswer(1, 1, [UpdateResult(STATE.id, EVENT_ID, None)]),
        parameters=(
            Parameter(
                "Idempotency-Key", "For 24 hours, the same key and body get the original response.", str, "header"
            ),
        ),
        body=BODY,
        body_example={"updates": [_REPORT]},
        errors={
            409: "The Idempotency-Key was used with another body, or its first request still runs.",
            413: "The body is larger than 4 MiB.",
            429: "The account's limit of scans or bytes is exceeded; see Retry-After.",
            503: OVERLOADED,
        },
    ),
)
