"""Reads a request's JSON into typed values; what is wrong is said with the field's path."""

import re
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from waypost.api.problems import FieldError, Problem, invalid

T = TypeVar("T")

_AT: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED: Final = re.compile(r"^Object (?P<how>missing required|contains unknown) field `(?P<name>[^`]*)`$", re.DOTALL)
_TYPES: Final = re.compile(r"^Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`$")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_LONGEST_NAME: Final = 100
"""An answer repeats no more of a name that the caller chose."""
_NUL: Final = b"\\u0000"

LARGEST_BODY: Final = 4 << 20
"""No call takes more bytes: decoding them holds the loop, and what they become takes ten times as much memory."""


def read_json(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Give the value. Raises Problem: 400 for what is no JSON, 422 with the field for what is not this value.

    PostgreSQL keeps no NUL character in text, so none is taken anywhere.
    """
    value = decode(body, decoder)
    if may_hold_nul(body):
        refuse_nul(value, "")
    return value


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the value, which may hold NUL characters still. Raises Problem as ``read_json``.

    It can't be interrupted: a body of 4 MiB takes some 60 ms.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid([_explain(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON in UTF-8.") from None


def may_hold_nul(body: bytes) -> bool:
    """Return whether values of this body are worth a look with ``refuse_nul``; JSON has the character escaped only."""
    return _NUL in body


def refuse_nul(value: object, path: str) -> None:
    """Raise Problem when a text within the value, which was read at ``path``, holds the character NUL."""
    if (found := _find_nul(msgspec.to_builtins(value), path)) is not None:
        raise invalid([FieldError(found, "must not contain the character NUL")])


def _explain(text: str) -> FieldError:
    found = _AT.match(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    path = path.removeprefix(".").replace("[...]", "[]")
    if named := _NAMED.match(what):
        name = named["name"][:_LONGEST_NAME]
        field = f"{path}.{name}" if path else name
        return FieldError(field, "is required" if named["how"].startswith("missing") else "is no field of this")
    if typed := _TYPES.match(what):
        wanted = " or ".join(_WORDS.get(word, word) for word in typed["wanted"].split(" | "))
        return FieldError(path, f"must be {wanted}, not {_WORDS.get(typed['got'], typed['got'])}")
    return FieldError(path[:_LONGEST_NAME], what[:1].lower() + what[1:_LONGEST_NAME])


def _find_nul(value: Any, path: str) -> str | None:
    match value:
        case str():
            return path if "\0" in value else None
        case dict():
            parts = ((inner, f"{path}.{name}" if path else str(name)) for name, inner in value.items())
        case list() | tuple():
            parts = ((inner, f"{path}[{place}]") for place, inner in enumerate(value))
        case _:
            return None
    return next((found for inner, where in parts if (found := _find_nul(inner, where)) is not None), None)
