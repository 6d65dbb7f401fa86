"""Canada Post: its Tracking web service (REST, XML), with an API key; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="canada-post",
    title="Canada Post",
    courier_codes=frozenset({"canada-post"}),
    fields=(
        Field("username", "Username", secret=False, hint="the part of the API key before the colon"),
        Field("password", "Password", hint="the part of the API key after the colon"),
    ),
    base_url="https://soa-gw.canadapost.ca",
    # The limit of a key isn't published: exceeding it blocks the key for up to a minute.
    budget=Budget(calls_a_day=10_000, calls_a_second=1, polls_of_a_parcel_a_day=24),
    source="CanadaPost",
    probe_number="0000000000000000",
)
