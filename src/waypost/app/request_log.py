"""Logs one line at debug for each request, without anything that could be abused: no token, query or address."""

import re
import time
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from waypost.api import admission
from waypost.portal import visits

_LOG: Final = structlog.get_logger()
HIDDEN: Final = "…"
LONGEST: Final = 40
"""No id has a longer path segment; a longer one may be a token that was put in the wrong place."""
_WITH_TOKENS: Final = re.compile(r"(/+(?:track|login|inbound/+[^/]*)/+).+", re.IGNORECASE | re.DOTALL)


def logged(application: ASGIApp) -> ASGIApp:
    """Return the application with a log line for each request, written once it is answered."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await application(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method, path = scope["method"], shown_path(scope["path"])
        try:
            await application(scope, receive, send_noted)
        finally:
            state = scope.get("state", {})
            account = state.get(admission.ACCOUNT, state.get(visits.ACCOUNT))
            milliseconds = round((time.monotonic() - began) * 1000)
            _LOG.debug(
                "request_answered",
                method=method,
                path=path,
                status=status,
                milliseconds=milliseconds,
                account=account,
            )

    return serve


def shown_path(path: str) -> str:
    """Return a path without tokens: those of public pages, sign-in links and pushes are as good as passwords."""
    segments = _WITH_TOKENS.sub(lambda found: found[1] + HIDDEN, path).split("/")
    return "/".join(segment if len(segment) <= LONGEST else HIDDEN for segment in segments)
