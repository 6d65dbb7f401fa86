"""The objects of v4's responses that webhooks do not contain. Texts that are not set are null."""

from collections.abc import Mapping
from typing import Final, Self

import msgspec

from waypost.api.v4.envelope import CodedError
from waypost.domain.facts import SHOP_FACTS
from waypost.domain.trackings import TrackingState
from waypost.payloads.v4 import tracking_object


class BatchItem(msgspec.Struct, frozen=True):
    """A parcel that a batch registered."""

    id: str
    tracking_number: str
    courier_code: str


class BatchError(msgspec.Struct, frozen=True, rename={"error_code": "errorCode", "error_message": "errorMessage"}):
    """A parcel that a batch did not register: its values, if they were text, and the reason."""

    id: str | None
    tracking_number: str | None
    courier_code: str | None
    error_code: int
    error_message: str

    @classmethod
    def of(cls, item: Mapping[str, object], error: CodedError) -> Self:
        """Return the error of a rejected item."""
        number, courier = (_short(item.get(name)) for name in ("tracking_number", "courier_code"))
        return cls(None, number, courier, error.code, error.message)


class BatchAnswer(msgspec.Struct, frozen=True):
    """The result of a batch."""

    success: list[BatchItem]
    error: list[BatchError]


_UPDATED: Final = (
    *("id", "tracking_number", "courier_code", "courier_code_new"),
    *("order_number", "order_date", "order_id", "destination_country", "origin_country"),
    *("tracking_postal_code", "tracking_ship_date", "tracking_courier_account"),
    *("tracking_destination_country", "tracking_origin_country", "tracking_key"),
    *("customer_name", "customer_email", "customer_sms", "recipient_postcode"),
    *("title", "logistics_channel", "note", "label", "archived_status"),
)
Updated: Final = msgspec.defstruct("Updated", [(name, str | None) for name in _UPDATED], frozen=True)
"""What an update answers: the parcel's own, and what its shop gave."""

_LONGEST: Final = 200


def updated_object(state: TrackingState, *, courier_code_new: str | None) -> msgspec.Struct:
    """Return the response to an update, with the parcel's new ``courier_code``."""
    shown = tracking_object(state)
    given = {name: getattr(shown, name) for name in _UPDATED if name in SHOP_FACTS}
    return Updated(
        id=state.id,
        tracking_number=state.tracking_number,
        courier_code=state.courier_code,
        courier_code_new=courier_code_new,
        archived_status=shown.archived,
        **given,
    )


def _short(value: object) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) else None
