"""Responses to OPTIONS: the methods of a path."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus

from litestar import HttpMethod
from litestar.handlers import HTTPRouteHandler


def answer_options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Return handlers of OPTIONS for the paths that several handlers share; register them first.

    Litestar's own response would name only the methods of the first handler.
    """
    sharing: defaultdict[str, list[HTTPRouteHandler]] = defaultdict(list)
    for handler in handlers:
        for path in handler.paths:
            sharing[path].append(handler)
    return [_handler(path, shared) for path, shared in sharing.items() if len(shared) > 1]


def _handler(path: str, shared: Iterable[HTTPRouteHandler]) -> HTTPRouteHandler:
    methods = sorted({HttpMethod.OPTIONS, *(method for handler in shared for method in handler.http_methods)})
    made = HTTPRouteHandler(
        path,
        http_method=HttpMethod.OPTIONS,
        status_code=HTTPStatus.NO_CONTENT,
        response_headers={"allow": ", ".join(methods)},
        sync_to_thread=False,
    )
    return made(_nothing)


def _nothing() -> None:
    """Return an empty response."""
