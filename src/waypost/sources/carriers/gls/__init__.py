"""GLS: the Track & Trace API v1 of the GLS group, with OAuth; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="gls",
    title="GLS",
    courier_codes=frozenset({"gls", "gls-de", "gls-fr"}),
    fields=(Field("client_id", "API Key", secret=False), Field("client_secret", "Secret")),
    base_url="https://api.gls-group.net",
    # 500 calls per day for a new app; GLS grants more on request by a form.
    budget=Budget(calls_a_day=500, calls_a_second=1, polls_of_a_parcel_a_day=12),
    source="Gls",
)
