"""``POST /inbound/{source}/{token}``: aggregators, carriers and shop platforms push here."""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post
from litestar.params import FromPath

from waypost.actions import inbound
from waypost.actions.inbound_addresses import Doorway
from waypost.actions.refusals import Denied, TooManyWaiting
from waypost.api.admission import ACCOUNT
from waypost.api.parts import Given, Parts
from waypost.api.problems import Problem, later
from waypost.domain import ids
from waypost.domain.inbound import LARGEST_PUSH, Push
from waypost.turns import note_account

LONGEST_LENGTH: Final = 18
"""Digits of a `content-length`; Python reads thousands of them slowly."""


@post("/inbound/{source:str}/{token:str}", request_max_body_size=LARGEST_PUSH, status_code=HTTPStatus.OK)
async def receive(
    request: Request[Any, Any, Any], parts: Given, source: FromPath[str], token: FromPath[str]
) -> Response[bytes]:
    """Take in a push. Once it is answered with 200, it is durable; what it says is read afterwards."""
    found = await inbound.doorway(parts, source, token)
    note_account(found.account)
    request.scope["state"][ACCOUNT] = ids.to_text(ids.ACCOUNT, found.account)
    try:
        async with parts.pushes.arriving(found.account, _length(request)):
            await _admit(request, parts, found)
            body = await request.body()
            if parts.push_rates is not None:
                parts.push_rates.spend(found.account, found.connection, size=len(body))
            await inbound.accept(parts, found, Push(body, _headers(request)))
    except Denied as error:
        raise Problem(HTTPStatus.UNAUTHORIZED, "wrong_signature", error.sentence) from None
    except TooManyWaiting as error:
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", str(error)) from None
    return Response(b"", status_code=HTTPStatus.OK, media_type="text/plain", headers={"cache-control": "no-store"})


async def _admit(request: Request[Any, Any, Any], parts: Parts, found: Doorway) -> None:
    """Raise Problem 429 for a connection that receives more than it may; its body is read and forgotten."""
    if parts.push_rates is None or not (seconds := parts.push_rates.wait(found.account, found.connection)):
        return
    async for _ in request.stream():
        pass
    detail = f"This address has received more than it may: come again in {seconds} s."
    raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", detail, seconds=seconds)


def _length(request: Request[Any, Any, Any]) -> int:
    """Return the declared length of the body, or the maximum if none is declared."""
    said = request.headers.get("content-length", "")
    return min(int(said), LARGEST_PUSH) if said.isdecimal() and len(said) <= LONGEST_LENGTH else LARGEST_PUSH


def _headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the headers by their names in lower case. One that comes twice counts as one that matches nothing."""
    found: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


ROUTES: Final = (receive,)
