"""What pushes of an account say, as requests to intake: which parcels are meant, and the result of each push."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.facts import CUSTOMER_FACTS
from waypost.domain.inbound import Contents, Push, PushedParcel, PushResult
from waypost.intake.requests import Request, Result
from waypost.store import inbound, inbound_changes, shipment_changes, watches
from waypost.store.inbound import NumberedTracking, ReadPush
from waypost.store.inbound_changes import LONGEST_DETAIL, PushOutcome
from waypost.store.statements import Session
from waypost.turns import Turn

Reader = Callable[[str, Push, int], Contents]
"""Returns what a push of a source says, given when it arrived (Unix milliseconds); raises CarrierUnreadable."""

REGISTER: Final = "register"
"""The setting of a connection by which unknown parcels are registered: ``yes`` or ``no``."""
KEEP_CUSTOMERS: Final = "keep_customers"
"""The setting of a connection by which customers' names and e-mail addresses are kept: ``yes`` or ``no``."""
MOST_NAMED: Final = 3
_WITHOUT_EFFECT: Final = (PushResult.DUPLICATE, PushResult.UNKNOWN, PushResult.IGNORED)
_NO_COURIER: Final = "its courier could not be detected"
_NO_QUOTA: Final = "the account's quota of parcels is used up"


class _Asked(msgspec.Struct, frozen=True):
    """A request, and the index of the push that it comes from."""

    push: int
    request: Request


class Resolved:
    """The pushes of one account with the parcels that they mean; those in ``archived`` ended parcels already."""

    def __init__(
        self, account: UUID, pushes: Sequence[tuple[ReadPush, Contents]], *, archived: Collection[UUID]
    ) -> None:
        self._account = account
        self._archived = archived
        self._pushes = pushes
        self._parcels: dict[str, list[NumberedTracking]] = defaultdict(list)
        self._repeated: set[int] = set()
        self._asked: list[_Asked] = []
        self._failed: dict[int, str] = {}
        self._known: dict[int, list[UUID]] = defaultdict(list)
        self.results: list[tuple[str, PushResult]] = []
        """The source and the result of each push, once they are written."""

    async def look_up(self, session: Session) -> None:
        """Find the parcels, and the pushes that were read before."""
        keys = [(push.connection, contents.key) for push, contents in self._pushes]
        known = await inbound.known(session, set(keys))
        self._repeated = {place for place, key in enumerate(keys) if key in known or key in keys[:place]}
        numbers = {told.tracking_number for _, _, told in self._told()}
        for parcel in await inbound.with_numbers(session, self._account, numbers) if numbers else []:
            self._parcels[parcel.tracking_number].append(parcel)

    def wants_to_register(self, settings: Mapping[UUID, Mapping[str, str]]) -> bool:
        """Return whether some push names a parcel that is to be registered."""
        return any(
            told.tracking_number not in self._parcels and _registers(told, settings.get(push.connection, {}))
            for _, push, told in self._told()
        )

    async def requests(
        self,
        settings: Mapping[UUID, Mapping[str, str]],
        detect: Callable[[str], Sequence[str]],
        *,
        may_register: bool,
    ) -> list[Request]:
        """Return the requests, in the order of the pushes."""
        self._asked, turn = [], Turn(self._account)
        for place, push, told in self._told():
            await turn.pause()
            parcel = self._parcel(told)
            if parcel is not None and told.update is None:
                self._known[place].append(parcel.id)
            elif parcel is not None:
                self._ask(place, push, told, parcel.courier_code, tracking=parcel.id)
            elif _registers(told, settings.get(push.connection, {})):
                detected = told.courier_code or next(iter(detect(told.tracking_number)), None)
                if not may_register:
                    self._failed[place] = _NO_QUOTA
                elif detected is None:
                    self._failed[place] = _NO_COURIER
                else:
                    given = _kept(told.given, settings.get(push.connection, {}))
                    self._ask(place, push, told, detected, given=given)
        return [one.request for one in self._asked]

    async def write(self, session: Session, results: list[Result]) -> None:
        """End the pushes and record their results, in the transaction of their requests."""
        of_push: dict[int, list[Result]] = defaultdict(list)
        for one, result in zip(self._asked, results, strict=True):
            of_push[one.push].append(result)
        calls = [self._call(place, of_push[place]) for place in range(len(self._pushes))]
        await inbound_changes.delete_pushes(session, calls)
        for place, (push, contents) in enumerate(self._pushes):
            current = [
                *self._known.get(place, ()),
                *(one.tracking for one in of_push[place] if one.tracking is not None),
            ]
            if current and contents.shipment is not None:
                await shipment_changes.upsert_shipment(session, push.connection, contents.shipment, current)
        heard = [one.request.tracking for one in self._asked if one.request.tracking is not None]
        if heard:
            await watches.note_heard(session, {push.connection for push, _ in self._pushes}, heard)
        of_sources = zip(self._pushes, calls, strict=True)
        self.results = [(push.source, call.became) for (push, _), call in of_sources]

    def _told(self) -> list[tuple[int, ReadPush, PushedParcel]]:
        return [
            (place, push, told)
            for place, (push, contents) in enumerate(self._pushes)
            if place not in self._repeated
            for told in contents.told
        ]

    def _parcel(self, told: PushedParcel) -> NumberedTracking | None:
        """Return the parcel that is meant: that of the courier, otherwise the newest one with the number."""
        found = self._parcels.get(told.tracking_number, [])
        same = [one for one in found if one.courier_code == told.courier_code]
        return max(same or found, key=lambda one: (not one.archived, one.id), default=None)

    def _ask(
        self,
        place: int,
        push: ReadPush,
        told: PushedParcel,
        courier: str,
        *,
        tracking: UUID | None = None,
        given: dict[str, str] | None = None,
    ) -> None:
        """Add a request: to update a parcel, or to register it with the facts ``given``."""
        request = Request(
            self._account,
            told.tracking_number,
            courier,
            told.update,
            create=given is not None,
            given=given or {},
            tracking=tracking,
            adapter=push.source,
        )
        self._asked.append(_Asked(place, request))

    def _call(self, place: int, results: Sequence[Result]) -> PushOutcome:
        push, contents = self._pushes[place]
        became, detail = self._became(place, contents, results)
        # One without effect is no reason to skip the same push later, when its parcel may have been registered.
        key = None if became in _WITHOUT_EFFECT else contents.key
        return PushOutcome(push.id, push.account, push.connection, became, key, detail)

    def _became(self, place: int, contents: Contents, results: Sequence[Result]) -> tuple[PushResult, str | None]:
        numbers = _named([told.tracking_number for told in contents.told])
        if place in self._repeated:
            return PushResult.DUPLICATE, numbers
        if not contents.told:
            archived = self._pushes[place][0].id in self._archived
            return PushResult.UPDATED if archived else PushResult.IGNORED, contents.note
        if any(result.created for result in results):
            return PushResult.REGISTERED, numbers
        if any(result.event is not None for result in results):
            return PushResult.UPDATED, numbers
        if place in self._known or any(result.tracking is not None for result in results):
            return PushResult.UNCHANGED, numbers
        reason = self._failed.get(place)
        return PushResult.UNKNOWN, numbers if reason is None else f"{numbers}: {reason}"[:LONGEST_DETAIL]


def _kept(given: dict[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the facts of an order without those of its customer, unless the connection keeps them."""
    if settings.get(KEEP_CUSTOMERS) == "yes":
        return given
    return {name: text for name, text in given.items() if name not in CUSTOMER_FACTS}


def _registers(told: PushedParcel, settings: Mapping[str, str]) -> bool:
    return told.registers or settings.get(REGISTER) == "yes"


def _named(numbers: Sequence[str]) -> str | None:
    """Return the numbers for people, a few of many."""
    different = list(dict.fromkeys(numbers))
    more = len(different) - MOST_NAMED
    return ", ".join(different[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "") or None
