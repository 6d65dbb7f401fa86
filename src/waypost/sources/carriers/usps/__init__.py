"""USPS: its Tracking API v3, with OAuth; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="usps",
    title="USPS",
    courier_codes=frozenset({"usps"}),
    fields=(Field("client_id", "Consumer Key", secret=False), Field("client_secret", "Consumer Secret")),
    base_url="https://apis.usps.com",
    # 60 calls per hour and 5 per minute for a new app; USPS grants more on request.
    budget=Budget(calls_a_day=1_440, calls_a_second=0.08, polls_of_a_parcel_a_day=24),
    source="Usps",
)
