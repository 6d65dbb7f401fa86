"""JSON in one compact line of ASCII: receivers may read it in whatever charset their platform has."""

import codecs
import json
from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_ESCAPER: Final = json.JSONEncoder()
_ESCAPED: Final = "waypost.json"


def encode(value: object) -> bytes:
    r"""Give a value as JSON: keys in their order, no white space, ``\uXXXX`` for all beyond ASCII, no final newline.

    Characters beyond the basic plane become surrogate pairs. Raises TypeError for what msgspec cannot encode and
    UnicodeEncodeError for a lone surrogate.
    """
    line = _ENCODER.encode(value)
    if line.isascii():
        return line
    return line.decode().encode("ascii", _ESCAPED)


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _ESCAPER.encode(error.object[error.start : error.end])[1:-1], error.end


# The codec finds what is beyond ASCII at the speed of C; a regular expression took 20 times as long as the encoding.
codecs.register_error(_ESCAPED, _escape)
