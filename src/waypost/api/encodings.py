"""Rejects encoded bodies: a small compressed one could become arbitrarily large."""

from http import HTTPStatus
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler

COMPRESSED: Final = "Send the body as it is: no Content-Encoding is supported."


def only_plain_bodies(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Raise 415 for a request with a Content-Encoding."""
    if connection.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise ClientException(
            COMPRESSED, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, headers={"accept-encoding": "identity"}
        )
