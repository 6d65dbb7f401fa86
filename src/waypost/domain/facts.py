"""The facts of a tracking: what is known besides its checkpoints, under the names of TrackingMore's v4 object."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.checkpoints import fold
from waypost.domain.errors import InvalidInput
from waypost.domain.times import read_time, read_wall_time

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
    "scheduled_delivery_from",
    "scheduled_delivery_to",
    "scheduled_address",
    "status_info",
    "courier_phone",
    "weblink",
    "reference_number",
)
"""Facts that a carrier, or an update through the API, brings."""

CUSTOMER_FACTS: Final = ("customer_name", "customer_email", "customer_sms")
"""Facts that a shop gives about its customer."""

PERSONAL_FACTS: Final = (
    *CUSTOMER_FACTS,
    "recipient_postcode",
    "tracking_postal_code",
    "scheduled_address",
    "signed_by",
)
"""Facts about persons, which are erased some time after the journey has ended."""

FACTS: Final = frozenset(SHOP_FACTS + CARRIER_FACTS)
"""All names of facts."""

EVENTFUL: Final = ("scheduled_delivery_date", "signed_by")
"""The facts whose change makes an event."""

WINDOW: Final = ("scheduled_delivery_from", "scheduled_delivery_to")
"""The window of the scheduled delivery, as local times. Carriers change them by minutes, so a change makes no event."""

LONGEST: Final = 500
"""The maximum length of one fact, in characters."""

_COUNTRIES: Final = ("origin_country", "destination_country")
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?", re.ASCII)


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One fact's text and when its source reported it (Unix milliseconds); the later report wins."""

    text: str
    observed_at: int = 0


def check(name: str, text: str) -> str:
    """Return a fact's text as it is stored, a date as it was written. Raise InvalidInput if it is not accepted."""
    if len(text) > LONGEST:
        raise InvalidInput(name, f"has {LONGEST} characters at most")
    if name == "order_date" and read_time(text) is None:
        raise InvalidInput(name, "must be a date, a time such as 2026-03-04T13:20:00+00:00, or Unix seconds")
    if name == "language" and not _LANGUAGE.fullmatch(text):
        raise InvalidInput(name, "must be a language's code, such as en")
    if name not in _COUNTRIES:
        return text
    if not _COUNTRY.fullmatch(text):
        raise InvalidInput(name, "must be the two letters of a country, such as DE")
    return text.upper()


def merge(known: dict[str, Fact], reported: dict[str, Fact]) -> dict[str, Fact]:
    """Merge facts: of two values the one observed last wins, and of two observed at the same time the greater text."""
    if not reported:
        return known
    united = dict(known)
    for name, fact in reported.items():
        held = united.get(name)
        if held is None or (held.observed_at, held.text) < (fact.observed_at, fact.text):
            united[name] = fact
    return united


def delivery_window(facts: Mapping[str, Fact]) -> tuple[str, str] | None:
    """Return from when and until when a parcel is expected (HH:MM, local), None if that isn't known.

    A window of another day than the scheduled one was reported before the delivery was rescheduled.
    """
    told = [facts[name].text for name in ("scheduled_delivery_date", *WINDOW) if name in facts]
    if len(told) <= len(WINDOW):
        return None
    day, begins, ends = (read_wall_time(text) for text in told)
    if day is None or begins is None or ends is None or not day[0][:10] == begins[0][:10] == ends[0][:10]:
        return None
    return begins[0][11:16], ends[0][11:16]


def meaning(name: str, text: str) -> str:
    """Return the meaning of a fact, however it is spelled: white space collapsed, and a day as its first moment.

    For a time with an offset the wall time counts, as for scans.
    """
    if name != "scheduled_delivery_date":
        return fold(text)
    at = read_wall_time(text)
    return fold(text) if at is None else at[0]


def changes(before: dict[str, Fact], after: dict[str, Fact]) -> frozenset[str]:
    """Return the names of the facts that are new or say something different."""
    if before is after:
        return frozenset()
    return frozenset(
        name
        for name, fact in after.items()
        if (held := before.get(name)) is not fact
        and (held is None or meaning(name, held.text) != meaning(name, fact.text))
    )
