"""Addresses that have no page: a visitor who is signed in keeps the navigation there."""

from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from waypost.portal.csrf import check_form_tokens
from waypost.portal.parts import Pages
from waypost.portal.requests import PageRequest
from waypost.portal.sessions import within_session
from waypost.portal.visits import enter_if_signed_in

Explanation = Callable[[Request[Any, Any, Any], Exception], Response[bytes]]


class LostPage(Response[bytes]):
    """The error page of a GET that no route has matched, such as of the address that only accepts a form.

    Error handlers can't wait and no middleware has run, so the visitor is looked up when the response is sent.
    """

    def __init__(self, pages: Pages, error: Exception, explain: Explanation) -> None:
        super().__init__(b"")
        self._pages = pages
        self._error = error
        self._explain = explain

    def to_asgi_response(self, *_: object, **__: object) -> ASGIResponse:
        """Return what Litestar awaits to send the page."""
        return _Answer(self._serve)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        within = within_session(self._pages.sessions)(check_form_tokens(self._pages)(self._serve_visitor))
        try:
            await within(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - nothing behind this handler would make a page of it
            await _send(self._explain(PageRequest(scope, receive), error), scope, receive, send)

    async def _serve_visitor(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = PageRequest(scope, receive)
        await enter_if_signed_in(request, self._pages)
        await _send(self._explain(request, self._error), scope, receive, send)


class _Answer(ASGIResponse):
    """A response that is made while it is sent."""

    def __init__(self, serve: Callable[[Scope, Receive, Send], Any]) -> None:
        super().__init__()
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


async def _send(response: Response[bytes], scope: Scope, receive: Receive, send: Send) -> None:
    await response.to_asgi_response(app=None, request=PageRequest(scope, receive))(scope, receive, send)
