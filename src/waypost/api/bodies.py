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
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_ESCAPED_BACKSLASH: Final = b"\\\\"
_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

UNKEEPABLE: Final = "must not contain the character NUL or half of a surrogate pair"

LARGEST_BODY: Final = 4 << 20
"""No call takes more bytes: decoding them holds the loop, and what they become takes ten times as much memory."""


def read_json(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the value. Raise Problem: 400 for what is no JSON, 422 with the field for what is not this value.

    PostgreSQL keeps no NUL character and no half of a surrogate pair in text, so none is taken anywhere.
    """
    value, is_suspect = decode(body, decoder)
    if is_suspect:
        refuse_unkeepable(value, "")
    return value


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, bool]:
    """Return the value as ``parse`` does. Raise Problem as ``read_json``."""
    try:
        return parse(body, decoder)
    except msgspec.ValidationError as error:
        raise invalid([_explain(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON in UTF-8.") from None


def parse(body: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, bool]:
    """Return the value, and whether its texts are worth a look: they may hold NUL, which stands for half a pair, too.

    A byte order mark is skipped. It can't be interrupted: a body of 4 MiB takes some 60 ms. Raise what the decoder
    raises.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        return decoder.decode(text), _NUL in text
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Programs that cut a text in the middle of an emoji write half of a pair, which the grammar of JSON allows.
        text = _PAIR.sub(b" ", text.replace(_ESCAPED_BACKSLASH, b"  "))
        if _HALF.search(text) is None:
            raise
        return decoder.decode(_HALF.sub(_NUL.replace(b"\\", _ESCAPED_BACKSLASH), text)), True


def refuse_unkeepable(value: object, path: str) -> None:
    """Raise Problem when a text within the value of ``parse``, which was read at ``path``, can't be kept."""
    if (found := _find_nul(msgspec.to_builtins(value), path)) is not None:
        raise invalid([FieldError(found, UNKEEPABLE)])


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
            if any("\0" in str(name) for name in value):
                return path
            parts = ((inner, f"{path}.{name}" if path else str(name)) for name, inner in value.items())
        case list() | tuple():
            parts = ((inner, f"{path}[{place}]") for place, inner in enumerate(value))
        case _:
            return None
    return next((found for inner, where in parts if (found := _find_nul(inner, where)) is not None), None)
