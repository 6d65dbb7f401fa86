"""What the pages answer when something goes wrong."""

from http import HTTPStatus
from typing import Final

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from waypost.actions.refusals import Busy, Conflict, Invalid, NotFound, Refusal, Unavailable
from waypost.portal.page_error import PageError
from waypost.portal.pages.login import login_path
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import NotLoggedIn, notify, page_before
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
_TITLES: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not this way",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now",
}
_DETAILS: Final = {
    HTTPStatus.BAD_REQUEST: "What was sent can't be read.",
    HTTPStatus.FORBIDDEN: "This form is too old, or cookies are off: go back, load the page again, and send it again.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "What was sent is more than a page takes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Send the form as it is: no Content-Encoding is supported.",
}
_MISTYPED: Final = "The address may be mistyped."


def explain(request: PageRequest, error: Exception) -> Response[bytes]:
    """Answer an error with a page; who is not logged in is led to the login."""
    match error:
        case NotLoggedIn():
            return go_to(login_path(request))
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
            # Not the path itself: that of a login link is as good as a password.
            _LOG.error("page_failed", path=request.scope.get("path_template"), exc_info=error)
            return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Something failed on our side; it was logged.")


def _refused(request: PageRequest, refusal: Refusal) -> Response[bytes]:
    """Say why an action refused: as a message on the page that a form was sent from, else on a page of its own."""
    if isinstance(refusal, Invalid | Conflict | Busy) and (back := page_before(request)) is not None:
        notify(request, refusal.sentence)
        return go_to(back)
    match refusal:
        case NotFound():
            status = HTTPStatus.NOT_FOUND
        case Invalid():
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        case Conflict():
            status = HTTPStatus.CONFLICT
        case _:
            status = HTTPStatus.SERVICE_UNAVAILABLE
    return _page(request, status, refusal.sentence)


def _page(request: PageRequest, status: int, detail: str) -> Response[bytes]:
    title = _TITLES.get(HTTPStatus(status), "This can't be done")
    return page(request, "problem.html", status=status, title=title, detail=detail)
