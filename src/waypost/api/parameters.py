"""Read a query string as text, and do not replace what is not text."""

import re
from typing import Final
from urllib.parse import parse_qsl

NOT_TEXT: Final = "is not text in UTF-8"
_UNDECODED: Final = re.compile("[\ud800-\udfff]")
"""What represents a byte that is not text."""


def read_pairs(raw: bytes, *, most: int) -> list[tuple[str, str]]:
    """Return names and values in their order; see ``is_text``. Raise ValueError if there are more than ``most``."""
    text = raw.decode("utf-8", "surrogateescape")
    return parse_qsl(text, keep_blank_values=True, max_num_fields=most, errors="surrogateescape")


def is_text(text: str) -> bool:
    """Return whether every byte of a name or a value was UTF-8."""
    return _UNDECODED.search(text) is None
