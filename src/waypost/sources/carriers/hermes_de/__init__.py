"""Hermes Germany: its Shipment Info API, with a user's token; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="hermes-de",
    title="Hermes Germany",
    courier_codes=frozenset({"hermes-de"}),
    fields=(
        Field("username", "Username", secret=False),
        Field("password", "Password"),
        Field("client_id", "Client ID", secret=False),
        Field("client_secret", "Client Secret"),
    ),
    base_url="https://de-api.hermesworld.com",
    # Hermes publishes no limit; one call polls many parcels, so this is plenty.
    budget=Budget(calls_a_day=5_000, calls_a_second=2, polls_of_a_parcel_a_day=24),
    source="HermesGermany",
)
