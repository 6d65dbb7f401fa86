"""Admits calls of v1: all count towards one limit, except updates, of which there may be thousands per second."""

from typing import Any

from litestar import Request

from waypost.api import admission
from waypost.api.call_limits import Call
from waypost.api.keys import Caller
from waypost.api.parts import Parts


async def admit(request: Request[Any, Any, Any], parts: Parts, *, scope: str) -> Caller:
    """Return the caller of a call of v1. Raise as ``admission.admit``."""
    return await admission.admit(request, parts, Call.V1, scope=scope)
