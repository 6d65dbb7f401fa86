"""Short texts that people type, such as names and descriptions: any script, on one line, that reads as it is stored."""

import unicodedata
from typing import Final

from waypost.domain.errors import InvalidInput

_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a text read in another order than it is stored, up to the end of the line. No script needs them."""

_SPACES: Final = "Zs"
_UNFIT: Final = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn", "Co"})


def check_line(field: str, text: str, longest: int) -> str:
    """Return a text with plain spaces and without any around it. Raise InvalidInput for a length or character.

    Joiners and marks of direction are part of many scripts and of emoji, so they stay.
    """
    line = "".join(" " if unicodedata.category(one) == _SPACES else one for one in text).strip()
    if len(line) > longest:
        raise InvalidInput(field, f"must have at most {longest} characters, not {len(line)}")
    for one in line:
        if one in _OVERRIDES or unicodedata.category(one) in _UNFIT:
            raise InvalidInput(field, f"can't contain {_named(one)}")
    return line


def without_overrides(text: str) -> str:
    """Return a foreign text as it is stored, without characters that change the order in which it is shown."""
    return text if _OVERRIDES.isdisjoint(text) else "".join(one for one in text if one not in _OVERRIDES)


def _named(character: str) -> str:
    code, name = f"U+{ord(character):04X}", unicodedata.name(character, "")
    return f"{code} ({name})" if name else code
