"""PostNord: its Track & Trace API, with an API key; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="postnord",
    title="PostNord",
    courier_codes=frozenset({"postnord"}),
    fields=(Field("api_key", "API key"),),
    base_url="https://api2.postnord.com",
    # The limits of a plan aren't published.
    budget=Budget(calls_a_day=2_000, calls_a_second=1, polls_of_a_parcel_a_day=12),
    source="PostNord",
    probe_number="RR000000005SE",
)
