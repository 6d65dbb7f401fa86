"""UPS: its Track API, with OAuth; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="ups",
    title="UPS",
    courier_codes=frozenset({"ups", "ups-mi"}),
    fields=(
        Field("client_id", "Client ID", secret=False),
        Field("client_secret", "Client Secret"),
        Field("account_number", "Account Number", secret=False, required=False, hint="six characters"),
    ),
    base_url="https://onlinetools.ups.com",
    # UPS publishes no limits; this is far below the rate at which 429 was reported to begin.
    budget=Budget(calls_a_day=10_000, calls_a_second=5, polls_of_a_parcel_a_day=48),
    source="Ups",
)
