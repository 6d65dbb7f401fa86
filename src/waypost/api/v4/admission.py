"""Who may make a call of v4, and how often."""

from http import HTTPStatus
from typing import Any, Final

from litestar import Request

from waypost.api.call_limits import MOST_A_SECOND, Call
from waypost.api.keys import Caller
from waypost.api.parts import Parts
from waypost.api.problems import later

_READS: Final = frozenset({Call.GET, Call.COURIERS, Call.DETECT})


async def admit(request: Request[Any, Any, Any], parts: Parts, call: Call) -> Caller:
    """Give who makes a call of v4. Raises KeyRefused, and Problem 429 for one call too many in a second."""
    caller = await parts.keys.caller(request.headers, scope="read" if call in _READS else "write")
    if parts.call_limits is not None and not await parts.call_limits.admit(caller.account, call):
        detail = f"More than {MOST_A_SECOND[call]} calls in a second: an account may make no more of this one."
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", detail)
    return caller
