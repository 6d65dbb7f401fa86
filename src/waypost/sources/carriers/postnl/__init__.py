"""PostNL: its Shippingstatus API, with an API key; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="postnl",
    title="PostNL",
    courier_codes=frozenset({"postnl-3s", "postnl-parcels"}),
    fields=(Field("api_key", "API key"),),
    base_url="https://api.postnl.nl",
    # PostNL gives no number, but asks clients to poll relevant parcels only, at reasonable intervals.
    budget=Budget(calls_a_day=2_000, calls_a_second=1, polls_of_a_parcel_a_day=8),
    source="PostNL",
    probe_number="3SAAAA000000000",
)
