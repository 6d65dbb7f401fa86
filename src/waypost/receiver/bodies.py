"""A request's body, in whatever form a framework or a cloud function passes it."""

from typing import Any, Final

from waypost.receiver.errors import UnusableArgumentError

Body = bytes | bytearray | memoryview | str
"""The body as it arrived, before anything parsed it. Text is taken as the UTF-8 that it was decoded from."""

_WANTED: Final = (
    "Pass the raw body, before anything parses it: request.get_data() in Flask, request.body in Django,"
    " await request.body() in Starlette."
)


def raw(body: Body) -> bytes:
    """Return the bytes that were signed. Raise UnusableArgumentError for anything that is not a body."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    return _copied(body)


def _copied(body: Any) -> bytes:
    try:
        return bytes(memoryview(body))
    except (TypeError, ValueError, BufferError):  # not a buffer, or one that was released
        raise UnusableArgumentError(f"The body is of the type {type(body).__name__}. {_WANTED}") from None
