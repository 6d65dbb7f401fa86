"""A parcel's status: a pure function of its scans and of the basis of each scan's reading.

It is that of the newest scan that says something, with these exceptions:

- A general code overrides neither "ready for collection" nor an exception, a return or a delivery that a better basis
  established; and a general exception does not override a failed attempt.
- An unread text overrides nothing. At the beginning it shows that the carrier has information, and from a second time
  or place on that the parcel is on its way.
- After "sent back", plain transit scans leave the status there until the parcel is returned or delivered to somebody.
- After a delivery by a code or by the reporter, only a return changes the status. After one read from a text alone, a
  later scan with a code or an unmistakable text does too.

``deciding`` returns the scans that suffice to find the same status, so that a parcel can keep a bounded number.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from waypost.domain.checkpoints import Basis, Checkpoint, Identity, fold, identity
from waypost.domain.statuses import AFTER_DELIVERED, Status, default_substatus

# Python 3.11 looks up a member of an enumeration fifteen times as slowly as a name of the module.
_DELIVERED: Final = Status.DELIVERED
_GENERAL_CODE: Final = Basis.GENERAL_CODE
_RETURNED: Final = "exception010"
_RETURNING: Final = "exception011"
_COLLECT: Final = "pickup002"
_BEFORE_TRANSIT: Final = frozenset({Status.PENDING, Status.NOTFOUND, Status.INFORECEIVED})
_PLAIN: Final = frozenset({Status.TRANSIT, Status.INFORECEIVED})
"""What a parcel on its way back passes through like any other."""

Place = tuple[str, str]


class Journey(msgspec.Struct):
    """How far a parcel has come, scan by scan, oldest first. Starts with what is known without any scan."""

    status: Status
    substatus: str
    basis: Basis | None = None
    is_returning: bool = False
    unread: set[Place] = set()
    """The times and places of scans that could not be read."""

    def take(self, scan: Checkpoint) -> None:
        """Advance by one scan."""
        status = scan.checkpoint_delivery_status
        if status is None:
            self._take_unread(scan)
            return
        substatus = scan.checkpoint_delivery_substatus or default_substatus(status)
        may_stay = self.status is _DELIVERED or scan.basis is _GENERAL_CODE  # otherwise every scan moves it
        if may_stay and not self._is_moved_by(scan, substatus):
            return
        keeps_its_basis = status is self.status is _DELIVERED and not _is_open(self.basis)
        self.basis = self.basis if keeps_its_basis else scan.basis
        self.is_returning = substatus == _RETURNING or (
            self.is_returning and substatus != _RETURNED and status is not _DELIVERED
        )
        if self.is_returning and status in _PLAIN:
            status, substatus = Status.EXCEPTION, _RETURNING
        self.status, self.substatus = status, substatus

    def _take_unread(self, scan: Checkpoint) -> None:
        self.unread.add(_place(scan))
        if self.status not in _BEFORE_TRANSIT:
            return
        self.status = Status.INFORECEIVED if len(self.unread) == 1 else Status.TRANSIT
        self.substatus = default_substatus(self.status)

    def _is_moved_by(self, scan: Checkpoint, substatus: str) -> bool:
        status = scan.checkpoint_delivery_status
        if status is Status.DELIVERED or substatus in AFTER_DELIVERED:
            return True  # no code that says so is a general one
        is_general = scan.basis is Basis.GENERAL_CODE
        if self.status is Status.DELIVERED:
            return _is_open(self.basis) and not is_general and not scan.doubtful
        if not is_general or self.basis is Basis.GENERAL_CODE:
            return True
        if self.status is Status.UNDELIVERED:
            return status is not Status.EXCEPTION
        return self.status is not Status.EXCEPTION and self.substatus != _COLLECT


def _is_open(basis: Basis | None) -> bool:
    """Return whether a delivery rests on a text alone, so that it may turn out not to have happened."""
    return basis is Basis.TEXT


def _place(scan: Checkpoint) -> Place:
    return scan.checkpoint_date, fold(scan.location)


def follow(scans: Iterable[Checkpoint], status: Status, substatus: str) -> tuple[Status, str]:
    """Return status and substatus after scans, oldest first; the given ones hold if no scan says anything."""
    journey = Journey(status, substatus)
    for scan in scans:
        journey.take(scan)
    return journey.status, journey.substatus


def disproved(scans: Iterable[Checkpoint]) -> frozenset[Checkpoint]:
    """Return the deliveries that only a text reported and that later scans disproved."""
    scans = list(scans)
    if not any(scan.checkpoint_delivery_status is Status.DELIVERED and _is_open(scan.basis) for scan in scans):
        return frozenset()
    journey = Journey(Status.PENDING, default_substatus(Status.PENDING))
    standing: list[Checkpoint] = []
    wrong: list[Checkpoint] = []
    for scan in scans:
        journey.take(scan)
        if journey.status is not Status.DELIVERED:
            if standing and journey.substatus not in AFTER_DELIVERED:
                wrong += standing
            standing = []
        elif scan.checkpoint_delivery_status is Status.DELIVERED and _is_open(scan.basis):
            standing.append(scan)
    return frozenset(wrong)


def deciding(scans: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Return the scans that decide the status, at most twelve: the newest of each kind that ``Journey`` distinguishes.

    ``scans`` are in the order of ``order``, which does not depend on what other scans there are.
    """
    newest: dict[str, Checkpoint] = {}
    unread: dict[Place, Checkpoint] = {}
    for scan in scans:
        if scan.checkpoint_delivery_status is None:
            unread.pop(_place(scan), None)
            unread[_place(scan)] = scan
        else:
            newest[_kind(scan)] = scan
    return [*newest.values(), *list(unread.values())[-2:]]


def _kind(scan: Checkpoint) -> str:
    if scan.checkpoint_delivery_status is Status.DELIVERED:
        return f"delivered {scan.basis}"
    if scan.checkpoint_delivery_substatus in AFTER_DELIVERED:
        return str(scan.checkpoint_delivery_substatus)
    if scan.basis is Basis.GENERAL_CODE:
        return "general exception" if scan.checkpoint_delivery_status is Status.EXCEPTION else "general"
    return "doubtful" if scan.doubtful else "says something"


Order = tuple[Identity, int]


def order(scan: Checkpoint) -> Order:
    """Return the key that orders scans by wall time, whatever the others are; no two of a parcel have the same one."""
    return identity(scan), -2000 if scan.offset_minutes is None else -scan.offset_minutes
