"""Reads a request's JSON into typed values; errors name the path of the field."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from waypost.api.problems import FieldError, Problem, invalid
from waypost.turns import Turn

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
"""The length to which responses repeat a name chosen by the caller."""
_NUL: Final = b"\\u0000"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_ESCAPED_BACKSLASH: Final = b"\\\\"
_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_ANY_HALF: Final = rb"\\u0000"
_PIECE: Final = re.compile(rb"(?:[^\\]+|" + _PAIR.pattern + rb"|\\u[0-9a-fA-F]{4}|\\.){1,2000}", re.DOTALL)
"""A piece of JSON with at most 2,000 escapes, none of them cut apart."""

DECODING_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

UNKEEPABLE: Final = "must not contain the character NUL or half of a surrogate pair"

LARGEST_BODY: Final = 4 << 20
"""The maximum bytes of a report. As objects they take ten times as much memory."""


def read_json(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the value. Raise Problem: 400 for malformed JSON, 422 with the field for an invalid value.

    PostgreSQL's texts can't contain NUL or half of a surrogate pair, so both are rejected everywhere.
    """
    try:
        value, is_suspect = parse(body, decoder)
    except DECODING_ERRORS as error:
        raise problem_of_decoding(error) from None
    if is_suspect:
        refuse_unkeepable(value, "")
    return value


def parse(body: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, bool]:
    """Return the value, and whether its texts need a check: they may contain NUL, which also replaces half a pair.

    Skip a byte order mark. Raise what the decoder raises.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        return decoder.decode(text), _NUL in text
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decoder.decode(b"".join(_without_halves(text))), True


async def parse_in_turns(body: bytes, decoder: msgspec.json.Decoder[T], turn: Turn) -> tuple[T, bool]:
    """Return what ``parse`` returns for a large body. Raise Problem as ``read_json``.

    Only the decoding itself can't be interrupted, so the decoder should leave lists for later as ``msgspec.Raw``.
    """
    text = body.removeprefix(_BYTE_ORDER_MARK)
    await turn.begin()
    try:
        return decoder.decode(text), _NUL in text
    except DECODING_ERRORS as error:
        if isinstance(error, msgspec.ValidationError):
            raise problem_of_decoding(error) from None
    pieces = []
    for piece in _without_halves(text):
        pieces.append(piece)
        await turn.pause()
    await turn.begin()
    try:
        return decoder.decode(b"".join(pieces)), True
    except DECODING_ERRORS as error:
        raise problem_of_decoding(error) from None


def _without_halves(text: bytes) -> Iterator[bytes]:
    """Yield JSON in pieces, with an escaped NUL for each half of a surrogate pair and a space for each whole pair.

    Programs that cut a text in the middle of an emoji write half of a pair, which the grammar of JSON allows.
    """
    begin = 0
    while (piece := _PIECE.match(text, begin)) is not None:
        begin = piece.end()
        yield _HALF.sub(_ANY_HALF, _PAIR.sub(b" ", piece[0].replace(_ESCAPED_BACKSLASH, b"  ")))
    yield text[begin:]


def problem_of_decoding(error: Exception, at: str = "") -> Problem:
    """Return the problem for an error of the decoder (one of ``DECODING_ERRORS``) about what was read at a path."""
    if isinstance(error, msgspec.ValidationError):
        return invalid([_explain(str(error), at)])
    return Problem(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not JSON in UTF-8.")


def refuse_unkeepable(value: object, path: str) -> None:
    """Raise Problem if a text in the value of ``parse``, which was read at ``path``, can't be stored."""
    if (found := _find_nul(msgspec.to_builtins(value), path)) is not None:
        raise invalid([FieldError(found, UNKEEPABLE)])


def _explain(text: str, at: str) -> FieldError:
    found = _AT.match(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    path = (at + path).removeprefix(".").replace("[...]", "[]")
    if named := _NAMED.match(what):
        name = named["name"][:_LONGEST_NAME]
        field = f"{path}.{name}" if path else name
        return FieldError(field, "is required" if named["how"].startswith("missing") else "is an unknown field")
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
