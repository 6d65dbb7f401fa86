"""FedEx: its Track API v1, with OAuth; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="fedex",
    title="FedEx",
    courier_codes=frozenset({"fedex", "fedex-freight"}),
    fields=(Field("client_id", "API Key", secret=False), Field("client_secret", "Secret Key")),
    base_url="https://apis.fedex.com",
    # 100,000 calls a day for tracking in a project; 1,400 in ten seconds, of which a seventh is plenty.
    budget=Budget(calls_a_day=100_000, calls_a_second=20, polls_of_a_parcel_a_day=48),
    source="FedEx",
)
