"""The description of an operation: method, path and purpose come from its handler, the rest from here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from litestar.handlers import HTTPRouteHandler

NOTHING: Final[Mapping[int, str]] = MappingProxyType({})
OVERLOADED: Final = "Overloaded; nothing was accepted. Retry after Retry-After."


class Parameter(msgspec.Struct, frozen=True):
    """A query parameter, or a header if ``place`` is ``header``; ``kind`` is the type of its value."""

    name: str
    about: str
    kind: Any = str
    place: str = "query"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """The description of one operation for the OpenAPI document.

    ``scope`` is the permission that the key needs; None if no key is needed. ``answers`` are the successes: status and
    type, None without a body. ``errors`` are statuses beyond those that all operations of its kind share.
    """

    handler: HTTPRouteHandler
    group: str
    scope: str | None
    answers: Mapping[int, Any]
    example: Any = None
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_example: Any = None
    body_required: bool = True
    errors: Mapping[int, str] = NOTHING
    media_type: str = "application/json"

    @property
    def id(self) -> str:
        """The operationId, which links refer to."""
        return f"{self.handler.fn.__module__.removeprefix('waypost.api.')}.{self.handler.fn.__name__}"

    @property
    def method(self) -> str:
        """The method, in lower case."""
        (method,) = self.handler.http_methods
        return method.lower()

    @property
    def path(self) -> str:
        """The path, with parameters in braces; of two spellings, the documented one."""
        return min(self.handler.paths, key=len).replace(":str", "")

    @property
    def in_path(self) -> list[str]:
        """The parameters of the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def about(self) -> tuple[str, str]:
        """The handler's docstring: the first sentence, and the rest."""
        summary, _, more = (self.handler.fn.__doc__ or "").strip().partition("\n\n")
        return " ".join(summary.split()).replace("``", "`"), " ".join(more.split()).replace("``", "`")
