"""The facts of a tracking: what is known of it beside its checkpoints, by the names of TrackingMore's v4 object."""

from typing import Final

import msgspec

SHOP_FACTS: Final = (
    "order_number",
    "order_date",
    "order_id",
    "customer_name",
    "customer_email",
    "customer_sms",
    "recipient_postcode",
    "title",
    "logistics_channel",
    "note",
    "label",
    "tracking_postal_code",
    "tracking_ship_date",
    "tracking_destination_country",
    "tracking_origin_country",
    "tracking_key",
    "tracking_courier_account",
    "destination_country",
    "origin_country",
    "language",
)
"""Facts that the shop gives when it registers a parcel."""

CARRIER_FACTS: Final = (
    "destination_state",
    "destination_city",
    "origin_state",
    "origin_city",
    "signed_by",
    "service_code",
    "weight",
    "weight_kg",
    "product_type",
    "pieces",
    "dimension",
    "previously",
    "destination_track_number",
    "exchange_number",
    "scheduled_delivery_date",
    "scheduled_address",
    "status_info",
    "courier_phone",
    "weblink",
    "reference_number",
)
"""Facts that a carrier, or an update through the API, brings."""

FACTS: Final = frozenset(SHOP_FACTS + CARRIER_FACTS)
"""Every name that may be a fact."""

EVENTFUL: Final = ("scheduled_delivery_date", "signed_by")
"""The facts whose change makes an event."""

LONGEST: Final = 500
"""The most characters of one fact."""


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One fact's text and when its source said so (Unix milliseconds): the later report holds."""

    text: str
    observed_at: int = 0


def merge(known: dict[str, Fact], reported: dict[str, Fact]) -> dict[str, Fact]:
    """Unite facts: of two values the one observed last holds, and of two observed at once the greater text."""
    if not reported:
        return known
    united = dict(known)
    for name, fact in reported.items():
        held = united.get(name)
        if held is None or (held.observed_at, held.text) < (fact.observed_at, fact.text):
            united[name] = fact
    return united
