"""Rejects encoded bodies: a small compressed one could become arbitrarily large."""

from http import HTTPStatus
from typing import Final

from litestar.exceptions import ClientException
from litestar.types import ASGIApp, Receive, Scope, Send

COMPRESSED: Final = "Send the body as it is: no Content-Encoding is supported."


def only_plain_bodies(app: ASGIApp) -> ASGIApp:
    """Return the application that raises 415 for a request with a Content-Encoding.

    As a guard, it would cost every request a copy of its route's handler.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        for name, value in scope["headers"]:
            if name == b"content-encoding" and value.strip().lower() not in (b"identity", b""):
                raise ClientException(
                    COMPRESSED, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, headers={"accept-encoding": "identity"}
                )
        await app(scope, receive, send)

    return serve
