"""How a body may be encoded: not at all, for a small one that is compressed may become as large as it likes."""

from http import HTTPStatus
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler

COMPRESSED: Final = "Send the body as it is: no Content-Encoding is supported."


def only_plain_bodies(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Raise 415 for a request whose body is said to be encoded."""
    if connection.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise ClientException(
            COMPRESSED, status_code=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, headers={"accept-encoding": "identity"}
        )
