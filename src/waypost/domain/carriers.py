"""What the poll loop knows of a carrier: which parcels it can be asked for, how often, and what can go wrong.

CarrierError             a poll that brought no update; the parcel stays as it is
├── CarrierUnavailable   no answer, or a late one: poll again by the schedule
│   └── CarrierUnreadable    an answer that cannot be read: a changed format, a page of a proxy
├── ParcelNotThere       a service answered that it does not follow this parcel; its others are not affected
├── CarrierLimited       asked too often (429): the credential pauses, its parcels do not
└── CarrierRefused       the key is not accepted (401, 403): the credential pauses, and its owner is notified

A number that the carrier does not know is not an error; it is an Update with ``unknown_number``.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from waypost.domain.budget import Budget
from waypost.domain.trackings import Update


class CarrierError(Exception):
    """A poll that brought no update. The text is for the operator and contains no key and no customer data."""


class CarrierUnavailable(CarrierError):
    """The carrier gave no readable answer."""


class CarrierUnreadable(CarrierUnavailable):
    """The carrier's answer can't be read; ``sample`` is its shape without any of its texts."""

    def __init__(self, message: str, *, sample: str | None = None) -> None:
        super().__init__(message)
        self.sample = sample


class ParcelNotThere(CarrierError):
    """The service does not follow this parcel, which says nothing about whether its number exists."""


class CarrierLimited(CarrierError):
    """The carrier was asked too often; ``retry_after_seconds`` is the wait that it named, at most 24 h, or None."""

    def __init__(self, message: str, *, retry_after_seconds: float | None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class CarrierRefused(CarrierError):
    """The carrier does not accept the credential: its connection pauses until its owner has changed it.

    ``status`` is the HTTP status of the answer, and ``body`` the answer in the carrier's own words.
    """

    def __init__(self, message: str, *, status: int = 401, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class Parcel(msgspec.Struct, frozen=True):
    """A parcel to poll: its number, the facts that its shop gave, and its courier where a service has many."""

    tracking_number: str
    facts: Mapping[str, str]
    courier_code: str = ""


class CarrierSource(Protocol):
    """One credential of one carrier, for all the courier codes that it answers for."""

    @property
    def name(self) -> str:
        """The carrier's name in settings, logs and metrics, such as ``dhl``."""

    @property
    def courier_codes(self) -> frozenset[str]:
        """The courier codes whose parcels it can be asked for."""

    @property
    def budget(self) -> Budget:
        """How often it may be asked."""

    @property
    def extra_calls(self) -> int:
        """How many calls were made so far beyond one per poll: calls for tokens, and repeated calls."""

    async def probe(self) -> None:
        """Try the credential without asking for anyone's parcel. Raise CarrierError if it does not work."""

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Return what the carrier knows of a parcel now; ``facts`` are the shop's. Raise CarrierError on failure."""


@runtime_checkable
class LimitedSource(CarrierSource, Protocol):
    """A source that can be asked only a few things at once, and apart from all others: they must not wait for it."""

    @property
    def calls_at_once(self) -> int:
        """How many calls may be in flight."""


@runtime_checkable
class BatchSource(CarrierSource, Protocol):
    """A source that answers for several parcels in one call."""

    @property
    def most_at_once(self) -> int:
        """How many parcels one call may ask for."""

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        """Return, for each parcel, what the carrier knows of it or why that is not known, in one call.

        Raise CarrierError for a failure that concerns the whole call.
        """
