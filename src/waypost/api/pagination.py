"""Pagination with ``?limit=`` and ``?cursor=``, newest first. The cursor is the last id of the previous page."""

from collections.abc import Mapping
from typing import Final

from waypost.actions.lists import Page
from waypost.api.parameters import NOT_TEXT, is_text, read_pairs
from waypost.api.problems import FieldError, invalid
from waypost.domain import ids

PAGE_SIZE: Final = 50
LARGEST_PAGE: Final = 200
MOST_PARAMETERS: Final = 50
_NUL: Final = "must not contain the character NUL"
SHOWN: Final = 100
"""The length to which responses repeat a name chosen by the caller."""


def read_query(raw: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """Return the query parameters. Raise Problem for unknown and repeated ones, and those that are not text."""
    try:
        pairs = read_pairs(raw, most=MOST_PARAMETERS)
    except ValueError:
        raise invalid([FieldError("", f"has more than {MOST_PARAMETERS} parameters")]) from None
    query = dict(pairs)
    names = [name for name, _ in pairs]
    errors = [FieldError(_shown(name), "unknown query parameter") for name in query if name not in allowed]
    errors += [FieldError(_shown(name), "is repeated") for name in query if names.count(name) > 1]
    errors += [FieldError(_shown(name), NOT_TEXT) for name, text in pairs if not is_text(name + text)]
    errors += [FieldError(_shown(name), _NUL) for name, text in query.items() if "\0" in text]
    if errors:
        raise invalid(errors)
    return query


def _shown(name: str) -> str:
    short = name[:SHOWN]
    return short if is_text(short) else ascii(short)[1:-1]


def read_page(query: Mapping[str, str], prefix: str) -> Page:
    """Return the requested page; the cursors of a list are ids with this prefix. Raise Problem."""
    errors: list[FieldError] = []
    limit = read_number(query, "limit", PAGE_SIZE, errors, least=1, most=LARGEST_PAGE)
    before = None
    if "cursor" in query and (before := ids.from_text(prefix, query["cursor"])) is None:
        errors.append(FieldError("cursor", "must be the next_cursor of an earlier response"))
    if errors:
        raise invalid(errors)
    return Page(limit, before)


def read_number(
    query: Mapping[str, str], name: str, otherwise: int, errors: list[FieldError], *, least: int, most: int
) -> int:
    """Return a whole number of the query; add an error if it is malformed or out of bounds."""
    text = query.get(name, str(otherwise))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else -1
    if not least <= number <= most:
        errors.append(FieldError(name, f"must be a whole number from {least} to {most}"))
    return number
