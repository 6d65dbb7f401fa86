"""Every call of the API and what it does, read from the application."""

import inspect
import re
from typing import Any, cast

import msgspec
from litestar.routes import HTTPRoute

from waypost.api.application import make_application


class Call(msgspec.Struct, frozen=True):
    """A call: its method, path and purpose."""

    method: str
    path: str
    about: str


def calls(beginning: str) -> tuple[Call, ...]:
    """Return the calls below a path, by path."""
    found = (
        Call(str(method), re.sub(r"\{([^:}]*)[^}]*\}", _named, route.path), _about(handler.fn))
        for route in make_application(cast("Any", None)).routes
        if isinstance(route, HTTPRoute) and route.path.startswith(beginning)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    )
    return tuple(sorted(found, key=lambda call: (call.path, call.method)))


def _named(found: re.Match[str]) -> str:
    return "{id}" if found[1].endswith("id") else f"{{{found[1]}}}"


def _about(handler: Any) -> str:
    return " ".join((inspect.getdoc(handler) or "").partition("\n\n")[0].split())
