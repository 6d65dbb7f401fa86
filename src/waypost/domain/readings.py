"""A reading: what a scan says of its parcel, and what that rests on.

An adapter of a carrier reads a scan's codes and texts and gives a ``Reading``; ``read`` puts it into a checkpoint. A
scan that comes without one is read here, by its text, and only if it is new: a known scan keeps its reading until its
source's own code or text changes. So a better table in a new version rewrites no history.
"""

import msgspec

from waypost.domain import wording
from waypost.domain.checkpoints import Basis, Checkpoint, fold
from waypost.domain.statuses import Status, default_substatus, status_of


class Reading(msgspec.Struct, frozen=True):
    """What a scan was understood to say. Without a ``substatus`` it was looked at and not understood.

    A ``doubtful`` text may mean something else: it ends no parcel, and undoes no delivery.
    """

    substatus: str | None
    basis: Basis
    doubtful: bool = False

    @property
    def status(self) -> Status | None:
        """The main status; None where nothing was understood."""
        return None if self.substatus is None else status_of(self.substatus)


def read(checkpoint: Checkpoint, reading: Reading) -> Checkpoint:
    """Return a checkpoint with this reading."""
    return msgspec.structs.replace(
        checkpoint,
        checkpoint_delivery_status=reading.status,
        checkpoint_delivery_substatus=reading.substatus,
        basis=reading.basis,
        doubtful=reading.doubtful,
    )


def read_text(text: str) -> Reading:
    """Return what a scan's text says."""
    told = wording.read(text)
    if told is None:
        return Reading(None, Basis.TEXT)
    return Reading(told.substatus, Basis.TEXT, doubtful=not told.is_unmistakable)


def with_reading(reported: Checkpoint, known: Checkpoint | None) -> Checkpoint:
    """Return a reported scan with its reading: the one of the ``known`` scan while its source says the same.

    A status that came without a basis was given by the reporter.
    """
    if reported.basis is None and reported.checkpoint_delivery_status is not None:
        return msgspec.structs.replace(reported, basis=Basis.REPORTER)
    if reported.basis is Basis.REPORTER:
        return reported
    if known is not None and known.basis is not Basis.REPORTER and _says_the_same(known, reported):
        return _as_known(reported, known)
    return read(reported, read_text(reported.tracking_detail)) if reported.basis is None else reported


def as_written_before(kept: Checkpoint) -> Checkpoint:
    """Return a kept scan with a basis; one of a version that kept none gets what its raw status tells.

    A raw status that is no more than the word of the main status is a general code.
    """
    if kept.basis is not None:
        return kept
    status, raw = kept.checkpoint_delivery_status, fold(kept.raw_status).casefold()
    basis = Basis.CODE if raw and status is not None else Basis.TEXT
    if basis is Basis.CODE and status == raw and kept.checkpoint_delivery_substatus == default_substatus(status):
        basis = Basis.GENERAL_CODE
    return msgspec.structs.replace(kept, basis=basis)


def same_reading(one: Checkpoint, other: Checkpoint) -> bool:
    """Tell whether two scans say the same of their parcel on the same grounds."""
    return (
        one.checkpoint_delivery_status is other.checkpoint_delivery_status
        and one.checkpoint_delivery_substatus == other.checkpoint_delivery_substatus
        and one.basis is other.basis
        and one.doubtful == other.doubtful
    )


def _says_the_same(known: Checkpoint, reported: Checkpoint) -> bool:
    """Tell whether a source repeats what it said; the text is the same, since both are reports of one scan."""
    return known.beside == reported.beside and fold(known.raw_status) == fold(reported.raw_status)


def _as_known(reported: Checkpoint, known: Checkpoint) -> Checkpoint:
    if same_reading(reported, known):
        return reported
    return msgspec.structs.replace(
        reported,
        checkpoint_delivery_status=known.checkpoint_delivery_status,
        checkpoint_delivery_substatus=known.checkpoint_delivery_substatus,
        basis=known.basis,
        doubtful=known.doubtful,
    )
