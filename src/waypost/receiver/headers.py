"""A request's headers, however a framework hands them over."""

from collections.abc import ItemsView, Iterable
from typing import Any, Protocol


class _Named(Protocol):
    def items(self) -> ItemsView[str, str] | Iterable[tuple[str, str]]:
        """Give the pairs of name and value."""


Headers = _Named | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""A mapping, or pairs as ASGI has them; names in any case. Of a name that stands there twice the last counts."""


def lowered(headers: Headers) -> dict[str, str]:
    """Give the headers by their names in lower case."""
    items = getattr(headers, "items", None)  # asking whether it is of the protocol costs as much as the signature
    pairs: Any = headers if items is None else items()
    return {_text(name).lower(): _text(value).strip() for name, value in pairs}


def _text(part: str | bytes) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else part
