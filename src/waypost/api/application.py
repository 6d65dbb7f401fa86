"""Assemble the routes, and turn errors into responses."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from waypost.actions.denials import note_denial
from waypost.actions.refusals import Refusal, Unavailable
from waypost.api import inbound, operations, schemas
from waypost.api.allowed import answer_options
from waypost.api.encodings import COMPRESSED, only_plain_bodies
from waypost.api.keys import KeyRefused
from waypost.api.openapi import document
from waypost.api.parts import Parts
from waypost.api.problems import Problem, problem_of
from waypost.api.responses import answer_problem
from waypost.api.v1 import (
    alerts,
    connections,
    deliveries,
    endpoints,
    events,
    incidents,
    outgoing_ips,
    recoveries,
    stats,
    updates,
)
from waypost.api.v1 import trackings as v1_trackings
from waypost.api.v4 import awb, couriers, envelope, trackings
from waypost.api.v4.refusals import coded
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
USUAL_BODY: Final = 1 << 20
"""The limit for all bodies except reports of updates."""
OLD_VERSIONS: Final = ("/v2/", "/v3/")
_FOR_PROGRAMS: Final = ("/inbound", "/v1", "/v2", "/v3", "/v4", "/schemas", "/health", "/metrics", "/openapi.json")
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: "malformed_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_encoding",
}
_TOLD: Final = ("allow", "accept-encoding")
"""The headers that an error of the framework brings along."""

_ROUTES: Final = (
    *operations.ROUTES,
    *schemas.ROUTES,
    *document.ROUTES,
    *updates.ROUTES,
    *endpoints.ROUTES,
    *deliveries.ROUTES,
    *recoveries.ROUTES,
    *connections.ROUTES,
    *events.ROUTES,
    *incidents.ROUTES,
    *alerts.ROUTES,
    *outgoing_ips.ROUTES,
    *stats.ROUTES,
    *v1_trackings.ROUTES,
    *trackings.ROUTES,
    *awb.ROUTES,
    *couriers.ROUTES,
    *inbound.ROUTES,
)


class PagesBeside(Protocol):
    """The pages served beside the API: their routes and error pages."""

    @property
    def routes(self) -> tuple[Router, ...]:
        """Return the routes."""

    def explain(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Return an error page."""


def make_application(parts: Parts, pages: PagesBeside | None = None) -> Litestar:
    """Return the ASGI application of the API and, if given, the pages."""
    return Litestar(
        [*answer_options(_ROUTES), *_ROUTES, *(() if pages is None else pages.routes)],
        dependencies={"parts": Provide(lambda: parts, sync_to_thread=False, use_cache=True)},
        exception_handlers={Exception: _explain if pages is None else _by_what_is_asked(pages)},
        middleware=[only_plain_bodies],
        request_max_body_size=USUAL_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def make_monitoring(watched: operations.Monitored) -> Litestar:
    """Return the ASGI application of a process without API and pages: readiness and metrics only."""
    return Litestar(
        operations.ROUTES,
        dependencies={"parts": Provide(lambda: watched, sync_to_thread=False, use_cache=True)},
        exception_handlers={Exception: _explain},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _by_what_is_asked(pages: PagesBeside) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """Return the error handler that shows pages to browsers outside the API."""

    def explain(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        by_person = "text/html" in request.headers.get("accept", "")
        if by_person and not request.scope["path"].startswith(_FOR_PROGRAMS):
            return pages.explain(request, error)
        return _explain(request, error)

    return explain


def _explain(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the error response of the requested API version."""
    path = request.scope["path"]
    is_v4 = path == "/v4" or path.startswith("/v4/")
    of_v4 = coded(error) if is_v4 and isinstance(error, Refusal) else error
    if isinstance(of_v4, envelope.CodedError):
        return envelope.answer_error(of_v4)
    problem = _problem(request, error)
    return envelope.answer_problem(problem) if is_v4 else answer_problem(problem)


def _problem(request: Request[Any, Any, Any], error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case Refusal():
            return problem_of(error)
        case KeyRefused():
            note_denial(error.denial, "" if request.client is None else request.client.host)
            return _of_key(error)
        case HTTPException(status_code=int(status)) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return _of_litestar(request, error)
        case _ if isinstance(error, LOST):
            return problem_of(Unavailable())
        case _:
            _LOG.error("request_failed", path=request.scope.get("path_template"), exc_info=error)
            return Problem(
                HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error. The server's log has the details."
            )


def _of_key(error: KeyRefused) -> Problem:
    if error.status == HTTPStatus.UNAUTHORIZED:
        return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", error.message, headers={"www-authenticate": "Bearer"})
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", error.message)


def _of_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    code = _CODES.get(status, "invalid_request")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() in _TOLD}
    return Problem(status, code, _detail(request.scope["path"], status), headers=headers)


def _detail(path: str, status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.NOT_FOUND if path.startswith(OLD_VERSIONS) or path + "/" in OLD_VERSIONS:
            return "Unsupported API version; use /v4."
        case HTTPStatus.NOT_FOUND:
            return "Nothing exists at this path."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return "Method not allowed; see the Allow header."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "The body is too large."
        case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return COMPRESSED
        case _:
            return "The request can't be parsed."
