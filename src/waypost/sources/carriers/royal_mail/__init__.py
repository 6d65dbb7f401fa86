"""Royal Mail: its Tracking API v2, with the client id and secret of an app; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="royal-mail",
    title="Royal Mail",
    courier_codes=frozenset({"royal-mail"}),
    fields=(
        Field("client_id", "Client ID", secret=False),
        Field("client_secret", "Client Secret"),
    ),
    base_url="https://api.royalmail.net",
    # An app that isn't approved yet may send 25 requests in 12 hours: half of 46, and the hour's worth that may be sent
    # at once, stay below.
    budget=Budget(calls_a_day=46, calls_a_second=1, polls_of_a_parcel_a_day=12),
    source="RoyalMail",
    probe_number="FQ000000005GB",
)
