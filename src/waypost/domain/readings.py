"""A reading: what a scan says about its parcel, and what that is based on.

A carrier's adapter reads a scan's codes and texts and returns a ``Reading``; ``read`` puts it into a checkpoint. A scan
that arrives without one is read here, by its text, and only if it is new: a known scan keeps its reading until its
source's own code or text changes. So a better table in a new version rewrites no history.
"""

from collections.abc import Callable

import msgspec

from waypost.domain import wording
from waypost.domain.checkpoints import Basis, Checkpoint, fold
from waypost.domain.statuses import Status, default_substatus, status_of


class Reading(msgspec.Struct, frozen=True):
    """What a scan was understood to say.

    Without a ``substatus`` it was read and not understood or, with a code as its basis, is known to say nothing. A
    ``doubtful`` text may mean something else: it neither ends a parcel's journey nor overrides a delivery.
    """

    substatus: str | None
    basis: Basis
    doubtful: bool = False

    @property
    def status(self) -> Status | None:
        """The main status; None if nothing was understood."""
        return None if self.substatus is None else status_of(self.substatus)


def read(checkpoint: Checkpoint, reading: Reading) -> Checkpoint:
    """Return a scan with the status of this reading."""
    return msgspec.structs.replace(
        checkpoint,
        checkpoint_delivery_status=reading.status,
        checkpoint_delivery_substatus=reading.substatus,
        basis=reading.basis,
        doubtful=reading.doubtful,
    )


def read_text(text: str) -> Reading:
    """Return what a scan's text says."""
    found = wording.read(text)
    if found is None:
        return Reading(None, Basis.TEXT)
    return Reading(found.substatus, Basis.TEXT, doubtful=not found.is_unmistakable)


def with_reading(reported: Checkpoint, known: Checkpoint | None) -> Checkpoint:
    """Return a reported scan with its reading: that of the ``known`` scan while its source says the same.

    A status that came without a basis was given by the reporter.
    """
    if reported.basis is None and reported.checkpoint_delivery_status is not None:
        return msgspec.structs.replace(reported, basis=Basis.REPORTER)
    if reported.basis is Basis.REPORTER:
        return reported
    if known is not None and known.basis is not Basis.REPORTER and says_the_same(known, reported):
        return take_reading(reported, known)
    return read(reported, read_text(reported.tracking_detail)) if reported.basis is None else reported


def waits_for_reading(reported: Checkpoint) -> bool:
    """Return whether a reported scan still has to be read by its text, unless a known scan has its reading."""
    return reported.basis is None and reported.checkpoint_delivery_status is None


def as_written_before(kept: Checkpoint) -> Checkpoint:
    """Return a stored scan with a basis; one from a version that stored none gets it from its raw status.

    A raw status that only repeats the word of the main status is a general code.
    """
    if kept.basis is not None:
        return kept
    status, raw = kept.checkpoint_delivery_status, fold(kept.raw_status).casefold()
    basis = Basis.CODE if raw and status is not None else Basis.TEXT
    if basis is Basis.CODE and status == raw and kept.checkpoint_delivery_substatus == default_substatus(status):
        basis = Basis.GENERAL_CODE
    return msgspec.structs.replace(kept, basis=basis)


Rereader = Callable[[Checkpoint], Reading | None]
"""Reads a stored scan by a carrier's codes; None if it can no longer be read as it was originally."""


def reread_scan(kept: Checkpoint, reader: Rereader | None) -> Checkpoint:
    """Return a stored scan as it would be read today; the same object if nothing changes.

    ``reader`` belongs to the carrier of the parcel's courier code. Readings given by a reporter stay, and so do
    readings of more than is stored.
    """
    if kept.basis is Basis.REPORTER or kept.beside:
        return kept
    found = None if reader is None else reader(kept)
    if found is None and (kept.basis is Basis.TEXT or (kept.basis is None and not kept.raw_status)):
        found = read_text(kept.tracking_detail) if reader is None or not kept.raw_status else None
    if found is None:
        return kept
    after = read(kept, found)
    return kept if same_reading(as_written_before(kept), after) else after


def is_unread(scan: Checkpoint) -> bool:
    """Return whether a scan was not understood; a code that is known to say nothing counts as understood."""
    return scan.checkpoint_delivery_status is None and scan.basis is not Basis.CODE


def same_reading(one: Checkpoint, other: Checkpoint) -> bool:
    """Return whether two scans say the same about their parcel on the same basis."""
    return (
        one.checkpoint_delivery_status is other.checkpoint_delivery_status
        and one.checkpoint_delivery_substatus == other.checkpoint_delivery_substatus
        and one.basis is other.basis
        and one.doubtful == other.doubtful
    )


def says_the_same(known: Checkpoint, reported: Checkpoint) -> bool:
    """Return whether a source repeats what it said; the text is the same, since both are reports of one scan."""
    return known.beside == reported.beside and fold(known.raw_status) == fold(reported.raw_status)


def take_reading(scan: Checkpoint, known: Checkpoint) -> Checkpoint:
    """Return a scan with the reading of another."""
    if same_reading(scan, known):
        return scan
    return msgspec.structs.replace(
        scan,
        checkpoint_delivery_status=known.checkpoint_delivery_status,
        checkpoint_delivery_substatus=known.checkpoint_delivery_substatus,
        basis=known.basis,
        doubtful=known.doubtful,
    )
