"""Arrays as parameters of statements, without a look-up of their types on each new connection.

The driver itself knows ``text[]`` and ``oid[]``. The first statement of a connection with an array of another type
makes it query PostgreSQL's catalogues, which takes several milliseconds, and so does every further type. All other
arrays are therefore passed as one of these two, and PostgreSQL casts them. Statements are written as if that were not
so: ``$1::uuid[]``. An array that a statement returns is cast in its text: ``ids::text[]``.

Integers are passed as ``oid[]`` and cast to ``integer[]``. That only relabels the array, which matters because some
plans evaluate the cast for each row, and 256 texts take 25 µs. An ``oid`` has no sign, but the same 32 bits.

``bytea[]`` is for a few short values: as text they take twice the room. Many are passed as one ``bytea`` (``joined``).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

_PARAMETER: Final = re.compile(r"(\$(\d+))::(\w+)\[\]")
_INTEGERS: Final = ("smallint", "integer")
_KNOWN: Final = ("text", "smallint")
"""The types of elements that travel as they are; ranks and buckets are never negative."""
_BITS: Final = 0xFFFF_FFFF


def declared(text: str) -> str:
    """Return a statement whose arrays are declared with types that the driver knows, and cast."""
    return _PARAMETER.sub(_declaration, text)


def cast_positions(text: str) -> Mapping[int, str]:
    """Return the positions, from 0, of the arrays of a statement that have to be converted, with their types."""
    found = {int(place) - 1: kind for _, place, kind in _PARAMETER.findall(text) if kind not in _KNOWN}
    return dict(sorted(found.items()))


def sent(arguments: Sequence[Any], positions: Mapping[int, str]) -> list[Any]:
    """Return the arguments with the arrays at these positions as they travel. None stays None."""
    out = list(arguments)
    for position, kind in positions.items():
        if out[position] is not None:
            out[position] = _CONVERSIONS.get(kind, _as_texts)(out[position])
    return out


def joined(values: Sequence[bytes]) -> tuple[bytes, list[int], list[int]]:
    """Return byte strings as one, with where each begins, from 1, and its length, as ``substring`` takes them."""
    sizes = [len(value) for value in values]
    return b"".join(values), list(accumulate(sizes[:-1], initial=1)) if sizes else [], sizes


def _declaration(found: re.Match[str]) -> str:
    parameter, _, kind = found.groups()
    if kind in _INTEGERS:
        return f"{parameter}::oid[]::integer[]"
    return found[0] if kind in _KNOWN else f"{parameter}::text[]::{kind}[]"


def _as_oids(values: Iterable[int | None]) -> list[int | None]:
    return [None if value is None else value & _BITS for value in values]


def _as_hex(values: Iterable[UUID | None]) -> list[str | None]:
    """Return ids without dashes: that takes half the time, and each row has several."""
    return [None if value is None else value.hex for value in values]


def _as_texts(values: Iterable[object]) -> list[str | None]:
    return [None if value is None else _text(value) for value in values]


_CONVERSIONS: Final[Mapping[str, Callable[[Any], list[Any]]]] = {"integer": _as_oids, "uuid": _as_hex}


def _text(value: object) -> str:
    """Return a value as PostgreSQL reads it, whatever the session's settings are."""
    match value:
        case bytes():
            return "\\x" + value.hex()
        case timedelta():
            return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
        case _:
            return str(value)
