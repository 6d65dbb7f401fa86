"""JSON in one compact line of ASCII, which receivers read correctly whatever charset their platform assumes."""

import codecs
import json
from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder()
_ESCAPER: Final = json.JSONEncoder()
_ESCAPED: Final = "waypost.json"


def encode(value: object) -> bytes:
    r"""Return a value as JSON: keys in order, no white space, ``\uXXXX`` for non-ASCII characters, no final newline.

    Characters beyond the basic plane become surrogate pairs. Raise TypeError for values that msgspec cannot encode and
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


# The codec finds non-ASCII characters at the speed of C; a regular expression took 20 times as long as the encoding.
codecs.register_error(_ESCAPED, _escape)
