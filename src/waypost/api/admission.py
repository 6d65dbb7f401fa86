"""Authentication and rate limiting of calls."""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request

from waypost import turns
from waypost.api.call_limits import MOST_A_SECOND, Call
from waypost.api.keys import Caller
from waypost.api.parts import Parts
from waypost.api.problems import later
from waypost.domain import ids

ACCOUNT: Final = "waypost.account"
"""The key of a request's state that holds the account, for the log."""


def note_account(request: Request[Any, Any, Any], caller: Caller) -> None:
    """Store the account in the request's state, for the log, and count the call as its own from now on."""
    turns.note_account(caller.account)
    request.scope["state"][ACCOUNT] = ids.to_text(ids.ACCOUNT, caller.account)


async def admit(request: Request[Any, Any, Any], parts: Parts, call: Call, *, scope: str) -> Caller:
    """Return the caller. Raise KeyRefused, and Problem 429 above the rate limit."""
    caller = await parts.keys.caller(request.headers, scope=scope)
    note_account(request, caller)
    if parts.call_limits is not None and not await parts.call_limits.admit(caller.account, call):
        detail = f"Rate limit exceeded: at most {MOST_A_SECOND[call]} calls of this kind per second and account."
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", detail)
    await turns.give_way()
    return caller
