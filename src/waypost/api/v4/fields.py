"""Reads the input of v4's calls: bodies and queries into texts, texts into values, or errors with TrackingMore's codes.

Null and empty texts count as absent: TrackingMore's typed clients also send fields that are not set.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

from waypost.api.bodies import DECODING_ERRORS, UNKEEPABLE, parse
from waypost.api.parameters import NOT_TEXT, is_text, read_pairs
from waypost.api.v4.envelope import INVALID_FORMAT, CodedError
from waypost.domain.facts import LONGEST
from waypost.domain.times import read_time

MOST_PARAMETERS: Final = 100
SHOWN_CHARACTERS: Final = 100

_ANYTHING: Final = msgspec.json.Decoder()
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}
_ARCHIVED: Final = {**_FLAGS, "archived": True, "tracking": False}


def read_body(body: bytes) -> Any:
    """Return the JSON of a body."""
    try:
        return parse(body, _ANYTHING)[0]
    except DECODING_ERRORS:
        raise CodedError(HTTPStatus.BAD_REQUEST, "The body is not JSON in UTF-8.") from None


def read_object(body: bytes, known: frozenset[str]) -> dict[str, str]:
    """Return the fields of a body that are set, as texts. Raise CodedError for fields that the call does not know."""
    fields = read_body(body)
    if not isinstance(fields, dict):
        raise CodedError(HTTPStatus.BAD_REQUEST, "The body must be an object.")
    return read_texts(fields, known)


def read_texts(fields: Mapping[str, object], known: frozenset[str]) -> dict[str, str]:
    """Return the fields that are set, as texts. Raise CodedError for fields that the call does not know."""
    texts = {}
    for name, value in fields.items():
        # Some clients send integers and booleans although the documentation says text. Any other number has lost
        # how it was written: 1e5, 100000.0 and 100000 are the same to JSON, but three numbers of parcels.
        text = msgspec.json.encode(value).decode() if isinstance(value, bool | int) else value
        if text is None or text == "":
            continue
        if not isinstance(text, str):
            raise CodedError(
                INVALID_FORMAT, f"{shown(name)} must be text, or a whole number without decimal point or exponent."
            )
        if len(text) > LONGEST:
            raise CodedError(INVALID_FORMAT, f"{shown(name)} must be at most {LONGEST} characters.")
        if "\0" in text:
            raise CodedError(INVALID_FORMAT, f"{shown(name)} {UNKEEPABLE}.")
        texts[name] = text
    if unknown := sorted(texts.keys() - known):
        raise CodedError(INVALID_FORMAT, f"Unknown parameter {shown(unknown[0])}.")
    return texts


def read_query(raw: bytes, known: frozenset[str]) -> dict[str, str]:
    """Return the parameters that are set. Raise CodedError for repeated ones and those that the call does not know."""
    try:
        pairs = read_pairs(raw, most=MOST_PARAMETERS)
    except ValueError:
        raise CodedError(INVALID_FORMAT, f"Max. {MOST_PARAMETERS} parameters in one call.") from None
    query: dict[str, str] = {}
    for name, text in pairs:
        if not is_text(name + text):
            raise CodedError(INVALID_FORMAT, f"{shown(name)} {NOT_TEXT}.")
        if name in query:
            raise CodedError(INVALID_FORMAT, f"{shown(name)} is repeated.")
        if text.strip():
            query[name] = text.strip()
    if unknown := sorted(query.keys() - known):
        raise CodedError(INVALID_FORMAT, f"Unknown parameter {shown(unknown[0])}.")
    return query


def shown(name: str) -> str:
    """Return a name chosen by the caller as responses repeat it: ASCII, and shortened."""
    return ascii(name[:SHOWN_CHARACTERS])[1:-1]


def archived_of(texts: Mapping[str, str]) -> bool | None:
    """Return the value of ``archived_status``, which may be a word or a boolean; None if it is not set."""
    return _one_of(texts, "archived_status", _ARCHIVED)


def whole_number_of(texts: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Return an integer of at least 1."""
    text = texts.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):  # noqa: PLR2004 - digits that int() reads quickly
        raise CodedError(INVALID_FORMAT, f"{name} must be a whole number from 1 to {most}.")
    return int(text)


def time_of(texts: Mapping[str, str], name: str) -> datetime | None:
    """Return a time in any form that ``read_time`` accepts."""
    if name not in texts:
        return None
    at = read_time(texts[name])
    if at is None:
        raise CodedError(INVALID_FORMAT, f"{name} must be a time such as 2026-03-04T13:20:00+00:00.")
    return at


def _one_of(texts: Mapping[str, str], name: str, meanings: Mapping[str, bool]) -> bool | None:
    if name not in texts:
        return None
    meaning = meanings.get(texts[name].strip().lower())
    if meaning is None:
        raise CodedError(INVALID_FORMAT, f"{name} must be one of {', '.join(meanings)}.")
    return meaning
