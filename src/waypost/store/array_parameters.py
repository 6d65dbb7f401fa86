"""Arrays as parameters of statements, without a look-up of their types on each new connection.

The driver itself knows ``text[]`` and ``oid[]``. The first statement of a connection with an array of another type
makes it query PostgreSQL's catalogues, which takes several milliseconds, and so does every further type. All other
arrays are therefore passed as one of these two, and PostgreSQL casts them. Statements are written as if that were not
so: ``$1::uuid[]``. An array that a statement returns is cast in its text: ``ids::text[]``.

Buckets and ranks, ``smallint[]``, are passed as ``oid[]`` and cast to ``integer[]``. That only relabels the array,
which matters because some plans evaluate the cast for each row, and 256 texts take 25 µs.
"""

import re
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

_PARAMETER: Final = re.compile(r"(\$(\d+))::(\w+)\[\]")
_SMALL: Final = "smallint"
_KNOWN: Final = "text"


def declared(text: str) -> str:
    """Return a statement whose arrays are declared with types that the driver knows, and cast."""
    return _PARAMETER.sub(_declaration, text)


def cast_positions(text: str) -> tuple[int, ...]:
    """Return the positions, from 0, of the parameters of a statement that have to travel as texts."""
    found = {int(place) - 1 for _, place, kind in _PARAMETER.findall(text) if kind not in (_SMALL, _KNOWN)}
    return tuple(sorted(found))


def sent(arguments: Sequence[Any], positions: Collection[int]) -> list[Any]:
    """Return the arguments with the values of the arrays at these positions as texts. None stays None."""
    out = list(arguments)
    for position in positions:
        if (values := out[position]) is not None:
            out[position] = [None if value is None else _text(value) for value in values]
    return out


def _declaration(found: re.Match[str]) -> str:
    parameter, _, kind = found.groups()
    if kind == _KNOWN:
        return found[0]
    return f"{parameter}::oid[]::integer[]" if kind == _SMALL else f"{parameter}::text[]::{kind}[]"


def _text(value: object) -> str:
    """Return a value as PostgreSQL reads it, whatever the session's settings are."""
    match value:
        case UUID():
            return value.hex  # in half the time of its usual form, and there are several in each row
        case bytes():
            return "\\x" + value.hex()
        case timedelta():
            return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
        case _:
            return str(value)
