"""Error pages."""

from http import HTTPStatus
from typing import Final

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from waypost.actions.refusals import Busy, Conflict, Invalid, NotFound, Refusal, TooManyWaiting, Unavailable
from waypost.portal.page_error import FORM_EXPIRED, PageError
from waypost.portal.pages.login import ask_again, login_path
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import VISITOR, NotLoggedIn, notify, referring_page
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
_TITLES: Final = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal server error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Temporarily unavailable",
}
_DETAILS: Final = {
    HTTPStatus.BAD_REQUEST: "The request can't be parsed.",
    HTTPStatus.FORBIDDEN: FORM_EXPIRED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is larger than pages accept.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Content-Encoding is not supported. Send the form uncompressed.",
}
_MISTYPED: Final = "Check the address for typos."


def explain(request: PageRequest, error: Exception) -> Response[bytes]:
    """Return an error page, or a redirect to the login page if the visitor is not signed in."""
    match error:
        case NotLoggedIn(draft=draft):
            return go_to(login_path(request, error.page)) if draft is None else ask_again(request, error.page, draft)
        case PageError():
            return _page(request, error.status, error.sentence)
        case Refusal():
            return _refused(request, error)
        case HTTPException(status_code=int(status)) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            answer = _page(request, status, _DETAILS.get(HTTPStatus(status), _MISTYPED))
            if allowed := (error.headers or {}).get("allow"):
                answer.set_header("allow", allowed)
            return answer
        case _ if isinstance(error, LOST):
            return _refused(request, Unavailable())
        case _:
            # Not the path itself: the path of a login link is as good as a password.
            _LOG.error("page_failed", path=request.scope.get("path_template"), exc_info=error)
            return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "The server's log has the details.")


def _refused(request: PageRequest, refusal: Refusal) -> Response[bytes]:
    """Return to the page that sent the form and show the refusal there, or show it on an error page."""
    if isinstance(refusal, Invalid | Conflict | Busy) and (back := referring_page(request)) is not None:
        notify(request, refusal.sentence)
        return go_to(back)
    match refusal:
        case NotFound():
            status = HTTPStatus.NOT_FOUND
        case Invalid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        case Conflict():
            status = HTTPStatus.CONFLICT
        case TooManyWaiting():
            status = HTTPStatus.TOO_MANY_REQUESTS
        case _:
            status = HTTPStatus.SERVICE_UNAVAILABLE
    return _page(request, status, refusal.sentence)


def _page(request: PageRequest, status: int, detail: str) -> Response[bytes]:
    title = _TITLES.get(HTTPStatus(status), "Request rejected")
    visitor = request.scope["state"].get(VISITOR)
    return page(request, "problem.html", visitor, status=status, title=title, detail=detail)
