"""Admits calls of v4: each kind has its own limit."""

from typing import Any, Final

from litestar import Request

from waypost.api import admission
from waypost.api.call_limits import Call
from waypost.api.keys import Caller
from waypost.api.parts import Parts

_READS: Final = frozenset({Call.GET, Call.COURIERS, Call.DETECT})


async def admit(request: Request[Any, Any, Any], parts: Parts, call: Call) -> Caller:
    """Return the caller of a call of v4. Raise as ``admission.admit``."""
    return await admission.admit(request, parts, call, scope="read" if call in _READS else "write")
