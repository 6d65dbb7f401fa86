"""What the poll loop knows of a carrier: whom it may ask, how often, and what may go wrong.

CarrierError             an ask that brought no update; the parcel stays as it is
├── CarrierUnavailable   no answer, a late one, or one that cannot be read: ask again by the schedule
├── CarrierLimited       asked too often (429): the credential pauses, its parcels do not
└── CarrierRefused       the key is not accepted (401, 403): the credential pauses, and the operator is told

A number that the carrier does not know is no error; it is an Update with ``unknown_number``.
"""

from collections.abc import Mapping
from typing import Protocol

from waypost.domain.budget import Budget
from waypost.domain.trackings import Update


class CarrierError(Exception):
    """An ask that brought no update. The text is for the operator and holds no key and no customer's data."""


class CarrierUnavailable(CarrierError):  # noqa: N818 - named for what it is, not for being an exception
    """The carrier gave no answer that can be read."""


class CarrierLimited(CarrierError):  # noqa: N818
    """The carrier has been asked too often; ``retry_after_seconds`` is what it said, up to 24 h, or None."""

    def __init__(self, message: str, *, retry_after_seconds: float | None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class CarrierRefused(CarrierError):  # noqa: N818
    """The carrier does not accept the credential."""


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

    async def ask(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Give what the carrier knows of a parcel now; ``facts`` are the shop's. Raises CarrierError."""
