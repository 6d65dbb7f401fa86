"""What every adapter does with the bytes of an answer: decode them, however the carrier mistook its encoding.

A carrier's answer is read as a whole for its frame only. What makes up its scans is decoded one by one (``each``), so
that one that cannot be read costs no other: it is skipped and named.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.trackings import Skipped, SkipReason

_MARK: Final = b"\xef\xbb\xbf"
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPED: Final = re.compile(
    r"(?P<whole>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)

_Read = TypeVar("_Read")


def decode(body: bytes, kind: type[_Read]) -> _Read:
    """Return the value of an answer. Raises CarrierUnavailable for one that cannot be read."""
    try:
        return msgspec.json.decode(_mend(body), type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CarrierUnavailable(f"the answer cannot be read: {error}") from None


def each(raw: Iterable[msgspec.Raw], kind: type[_Read], field: str) -> Iterator[tuple[str, _Read | Skipped]]:
    """Yield the parts of a list with their places, such as ``events[2]``; those of another type as ``Skipped``."""
    for place, part in enumerate(raw):
        where = f"{field}[{place}]"
        value = decode_part(part, kind, where)
        yield where, Skipped(where, SkipReason.TYPE) if value is None else value


def decode_part(part: msgspec.Raw, kind: type[_Read], where: str) -> _Read | Skipped | None:
    """Return the value of a part of an answer, None for null, or ``Skipped`` where it has another type."""
    try:
        return None if bytes(part) == b"null" else msgspec.json.decode(part, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Skipped(where, SkipReason.TYPE)


def _mend(body: bytes) -> bytes:
    """Return an answer without a byte order mark, with U+FFFD for what is not UTF-8 and for half a character."""
    text = body.removeprefix(_MARK).decode(errors="replace")
    if _HALF.search(text):
        text = _ESCAPED.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)
    return text.encode()
