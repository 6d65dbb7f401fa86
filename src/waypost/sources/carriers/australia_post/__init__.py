"""Australia Post and StarTrack: their Shipping and Tracking API, with an account's key; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="australia-post",
    title="Australia Post",
    courier_codes=frozenset({"australia-post", "star-track"}),
    fields=(
        Field("api_key", "API Key"),
        Field("password", "Password"),
        Field("account_number", "Account Number", secret=False, hint="ten digits for eParcel, eight for StarTrack"),
    ),
    base_url="https://digitalapi.auspost.com.au",
    # Australia Post publishes no number; one call asks for ten parcels.
    budget=Budget(calls_a_day=5_000, calls_a_second=1, polls_of_a_parcel_a_day=24),
    source="AustraliaPost",
    probe_number="7XX1000000000000",
)
