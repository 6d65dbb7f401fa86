"""The parts of an answer, decoded one by one, so that an unreadable part is skipped without affecting the others.

Only the frame of an answer is read as a whole (``reading.decode``); its lists are ``tuple[msgspec.Raw, ...]``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable, Parcel
from waypost.domain.trackings import Skipped, SkipReason, Update

_Read = TypeVar("_Read")


def each(raw: Iterable[msgspec.Raw], kind: type[_Read], field: str) -> Iterator[tuple[str, _Read | Skipped]]:
    """Yield the parts of a list with their places, such as ``events[2]``; those of another type as ``Skipped``."""
    for place, part in enumerate(raw):
        where = f"{field}[{place}]"
        value = decode_part(part, kind, where)
        yield where, Skipped(where, SkipReason.TYPE) if value is None else value


def decode_part(part: msgspec.Raw, kind: type[_Read], where: str) -> _Read | Skipped | None:
    """Return the value of a part of an answer, None for null, or ``Skipped`` if it has another type."""
    try:
        return None if bytes(part) == b"null" else msgspec.json.decode(part, type=kind, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Skipped(where, SkipReason.TYPE)


def of_each(parcels: Iterable[Parcel], read: Callable[[Parcel], Update]) -> list[Update | CarrierError]:
    """Return what an answer to several numbers says about each, or why that can't be read: each one on its own."""
    found: list[Update | CarrierError] = []
    for parcel in parcels:
        try:
            found.append(read(parcel))
        except CarrierUnavailable as error:
            found.append(error)
    return found


def only(found: list[Update | CarrierError]) -> Update:
    """Return the update of the only parcel that was polled, or raise the CarrierError in its place."""
    (one,) = found
    if isinstance(one, CarrierError):
        raise one
    return one
