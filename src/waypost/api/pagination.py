"""Pagination with ``?limit=`` and ``?cursor=``, newest first. The cursor is the last id of the previous page."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from waypost.actions.lists import Page
from waypost.api.problems import FieldError, invalid
from waypost.domain import ids

PAGE_SIZE: Final = 50
LARGEST_PAGE: Final = 200
MOST_PARAMETERS: Final = 50
SHOWN: Final = 100
"""The length to which responses repeat a name chosen by the caller."""


def read_query(raw: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """Return the query parameters. Raise Problem for unknown and repeated ones."""
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise invalid([FieldError("", f"has more than {MOST_PARAMETERS} parameters")]) from None
    query = dict(pairs)
    errors = [FieldError(name[:SHOWN], "unknown query parameter") for name in query if name not in allowed]
    names = [name for name, _ in pairs]
    errors += [FieldError(name[:SHOWN], "is repeated") for name in query if names.count(name) > 1]
    errors += [FieldError(name, "must not contain the character NUL") for name, text in query.items() if "\0" in text]
    if errors:
        raise invalid(errors)
    return query


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
