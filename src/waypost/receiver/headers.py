"""A request's headers, in whatever form a framework or a cloud function passes them."""

from collections.abc import ItemsView, Iterable
from typing import Any, Protocol

from waypost.receiver.errors import UnusableArgumentError

Value = str | bytes | None | list[str] | list[bytes] | tuple[str, ...]
"""A header's value: one text, or all values of a repeated header; None if a gateway has none."""


class _Named(Protocol):
    def items(self) -> ItemsView[str, Any] | Iterable[tuple[str, Any]]:
        """Return the pairs of name and value."""


Headers = _Named | Iterable[tuple[str, Any]] | Iterable[tuple[bytes, Any]]
"""A mapping, or pairs as in ASGI; names in any case, values as in ``Value``. The last of repeated names counts."""

_WANTED = "Pass the headers as a mapping of names to texts, or as pairs of name and value."


def lowered(headers: Headers) -> dict[str, str]:
    """Return the headers by their names in lower case. Raise UnusableArgumentError if they can't be read as headers."""
    try:
        items = getattr(headers, "items", None)  # checking for the protocol costs as much as the signature
        pairs: Any = headers if items is None else items()
        return {_text(name).lower(): text for name, value in pairs if (text := _last(value)) is not None}
    except UnusableArgumentError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a framework's object raises, the caller gets this one error
        raise UnusableArgumentError(f"The headers can't be read: {type(error).__name__}. {_WANTED}") from None


def _last(value: Any) -> str | None:
    """Return a value as text; of several values with the same name the last one, and an empty text for no value."""
    if isinstance(value, list | tuple):
        value = value[-1] if value else None
    return None if value is None else _text(value).strip()


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, bytes):
        return part.decode("latin-1")
    raise UnusableArgumentError(f"A header of the type {type(part).__name__} can't be read. {_WANTED}")
