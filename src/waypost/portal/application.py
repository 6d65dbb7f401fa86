"""Assemble the pages for the application: routes, sessions, form tokens and error pages."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import MethodNotAllowedException, NotFoundException

from waypost.actions.context import Context
from waypost.domain.targets import DEFAULT_PORTS
from waypost.portal import assets
from waypost.portal.csrf import check_form_tokens, reject_cross_site_forms, reject_unknown_tokens
from waypost.portal.errors import explain
from waypost.portal.help import api_reference, guides
from waypost.portal.logins import Logins
from waypost.portal.lost import LostPage
from waypost.portal.networks import NetworkAllowance
from waypost.portal.pages import (
    alert_channel,
    alerts,
    apikeys,
    audit,
    bulk_actions,
    connect,
    connect_push,
    connection,
    debugger,
    delivery,
    endpoint_probe,
    history,
    incidents,
    last_errors,
    login,
    mail_links,
    outgoing_ips,
    overview,
    push_connection,
    recoveries,
    settings,
    sources,
    specifications,
    tracking,
    tracking_columns,
    tracking_import,
    trackings,
    unread,
    webhook,
    webhook_deliveries,
    webhook_set_up,
    webhook_settings,
    webhook_test,
    webhooks,
)
from waypost.portal.parts import Pages, is_secure
from waypost.portal.rendering import ALWAYS, HSTS
from waypost.portal.requests import PageRequest
from waypost.portal.sessions import Sessions, within_session
from waypost.portal.track import page as track
from waypost.portal.track.kept import KeptPages


@get("/favicon.ico")
async def no_icon() -> Response[bytes]:
    """Return 404: the pages link to their icon."""
    return Response(b"", status_code=HTTPStatus.NOT_FOUND, headers=dict(ALWAYS))


ErrorHandler = Callable[[Request[Any, Any, Any], Exception], Response[bytes]]
Explanation = Callable[[PageRequest, Exception], Response[bytes]]

ROUTES: Final = (
    no_icon,
    *login.ROUTES,
    *mail_links.ROUTES,
    *overview.ROUTES,
    *incidents.ROUTES,
    *trackings.ROUTES,
    *sources.ROUTES,
    *unread.ROUTES,  # before a connection's page: neither /unread nor /connect is an id
    *connect_push.ROUTES,
    *connect.ROUTES,
    *push_connection.ROUTES,
    *connection.ROUTES,
    *tracking_columns.ROUTES,
    *tracking_import.ROUTES,  # before a parcel's page: /import is not an id
    *tracking.ROUTES,
    *bulk_actions.ROUTES,  # before a delivery's page: /matching is not an id
    *history.ROUTES,  # before the endpoint's page: /history is not an id
    *delivery.ROUTES,
    *webhooks.ROUTES,
    *webhook.ROUTES,
    *webhook_deliveries.ROUTES,
    *webhook_test.ROUTES,
    *webhook_set_up.ROUTES,
    *webhook_settings.ROUTES,
    *last_errors.ROUTES,
    *endpoint_probe.ROUTES,
    *recoveries.ROUTES,
    *specifications.ROUTES,
    *outgoing_ips.ROUTES,
    *apikeys.ROUTES,
    *audit.ROUTES,
    *alerts.ROUTES,
    *alert_channel.ROUTES,
    *settings.ROUTES,
    *debugger.ROUTES,
    *guides.ROUTES,
    *api_reference.ROUTES,
)


@dataclass(frozen=True, slots=True)
class PageSet:
    """The pages, ready for the application."""

    routes: tuple[Router, ...]
    pages: Pages

    def explain(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Return the error page for an error outside the pages."""
        explain = _explaining(self.pages)
        if request.method == "GET" and isinstance(error, NotFoundException | MethodNotAllowedException):
            return LostPage(self.pages, error, explain)
        return explain(request, error)


def make_pages(
    context: Context,
    *,
    form_secret: str,
    public_url: str | None,
    outgoing_ips: tuple[str, ...],
) -> PageSet:
    """Return the pages for a context. ``form_secret`` signs the tokens of forms."""
    origin = None if public_url is None else _origin(public_url)
    pages = Pages(
        context=context,
        logins=Logins(context),
        sessions=Sessions(context.database, secure=is_secure(origin)),
        origin=origin,
        outgoing_ips=outgoing_ips,
        form_secret=form_secret,
        track_reads=NetworkAllowance(track.A_MINUTE_FROM_AN_ADDRESS),
        track_pages=KeptPages(),
    )
    return PageSet(_routes(pages), pages)


def _origin(url: str) -> str:
    """Return a URL's origin as browsers send it: in lower case, without the default port."""
    split = urlsplit(url.lower())
    return f"{split.scheme}://{split.netloc.removesuffix(f':{DEFAULT_PORTS[split.scheme]}')}"


def _explaining(pages: Pages, explain: Explanation = explain) -> ErrorHandler:
    """Return the error handler. Route headers are missing on its responses, so it adds them."""

    def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        response = explain(PageRequest(request.scope, request.receive), error)
        if pages.secure:
            response.set_header("strict-transport-security", HSTS)
        return response

    return answer


def _routes(pages: Pages) -> tuple[Router, ...]:
    # Not in a router around all three: nested routes are copied at each level, which would delay start-up.
    common: dict[str, Any] = {
        "path": "/",
        "dependencies": {"pages": Provide(lambda: pages, sync_to_thread=False, use_cache=True)},
        "response_headers": {"strict-transport-security": HSTS} if pages.secure else None,
    }
    plain = Router(**common, route_handlers=list(assets.ROUTES))
    public = Router(
        **common,
        route_handlers=list(track.ROUTES),
        request_class=PageRequest,
        exception_handlers={Exception: _explaining(pages, track.explain)},
    )
    inside = Router(
        **common,
        route_handlers=list(ROUTES),
        request_class=PageRequest,
        middleware=[within_session(pages.sessions), check_form_tokens(pages)],
        guards=[reject_cross_site_forms(pages), reject_unknown_tokens(pages)],
        exception_handlers={Exception: _explaining(pages)},
    )
    return plain, public, inside
