"""Responses to OPTIONS: the methods of a path."""

from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus

from litestar import HttpMethod
from litestar.handlers import HTTPRouteHandler


def answer_options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Give handlers of OPTIONS for the paths that several of these share, to be registered before them.

    Litestar's own answer would name the methods of the first of them only.
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
