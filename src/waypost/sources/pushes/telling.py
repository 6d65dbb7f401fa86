"""What the readers of pushes have in common: the frame of a body, and what it says about one parcel."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.errors import InvalidInput
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.domain.times import read_rfc3339
from waypost.domain.tracking_numbers import normalise_number
from waypost.domain.trackings import Source, Update
from waypost.sources.scans import Scans

KEY_BYTES: Final = 16
NOT_A_NUMBER: Final = "It has no valid tracking number."


def key_of(*parts: str | bytes) -> bytes:
    """Return the key of a push that is identified by these parts."""
    digest = sha256()
    for part in parts:
        raw = part.encode("utf-8", "replace") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4) + raw)
    return digest.digest()[:KEY_BYTES]


def body_key(push: Push) -> bytes:
    """Return the key of a push that only its whole body identifies."""
    return key_of(push.body)


def ignored(push: Push, note: str) -> Contents:
    """Return that a push says nothing that is wanted, and why."""
    return Contents(body_key(push), (), note)


def number_of(text: object) -> str | None:
    """Return a tracking number as it is stored; None if it is not one."""
    try:
        return normalise_number(text) if isinstance(text, str) else None
    except InvalidInput:
        return None


def told(
    number: object,
    courier: str | None,
    scans: Scans,
    facts: dict[str, str],
    observed_at: int,
    *,
    unknown_number: bool = False,
) -> tuple[PushedParcel, ...]:
    """Return what a push says about one parcel, observed then (Unix milliseconds); nothing without a valid number."""
    valid = number_of(number)
    if valid is None:
        return ()
    update = Update(
        Source.PUSH,
        checkpoints=scans.checkpoints,
        facts=facts,
        skipped=scans.skipped,
        observed_at=observed_at,
        unknown_number=unknown_number and not scans.checkpoints,
    )
    return (PushedParcel(valid, courier, update),)


def as_polled(
    number: object, courier: str, read: Callable[[str], Update], observed_at: int
) -> tuple[PushedParcel, ...]:
    """Return what a carrier's push says, which ``read`` reads as the answer to a poll for the number.

    So a scan is the same whether it was pushed or polled.
    """
    valid = number_of(number)
    if valid is None:
        return ()
    update = msgspec.structs.replace(read(valid), source=Source.PUSH, observed_at=observed_at)
    return (PushedParcel(valid, courier, update),)


def of_parts(
    push: Push, parts: Sequence[msgspec.Raw], read: Callable[[msgspec.Raw], tuple[PushedParcel, ...]]
) -> Contents:
    """Return what the parts of a push say, each about one parcel; one that can't be read does not affect the others.

    Raise CarrierUnavailable if none can be read.
    """
    told: list[PushedParcel] = []
    failed: CarrierUnavailable | None = None
    for part in parts:
        try:
            told.extend(read(part))
        except CarrierUnavailable as error:
            failed = error
    if failed is not None and not told:
        raise failed
    return Contents(body_key(push), tuple(told), None if told else NOT_A_NUMBER)


def observed(text: object, arrived_at: int) -> int:
    """Return when a push was made (Unix milliseconds), so that of two that arrive out of order the later one counts.

    A time that is missing, or later than the arrival, is the arrival's.
    """
    made = read_rfc3339(text) if isinstance(text, str) else None
    return arrived_at if made is None else min(arrived_at, int(made.timestamp() * 1000))
