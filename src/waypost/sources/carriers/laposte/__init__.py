"""La Poste: its tracking API (Suivi v2) for letters, Colissimo and Chronopost; see doc.md."""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="laposte",
    title="La Poste",
    courier_codes=frozenset({"laposte", "colissimo", "chronopost"}),
    fields=(Field("api_key", "X-Okapi-Key", hint="the key for production"),),
    base_url="https://api.laposte.fr",
    # 100 calls per minute for a free key.
    budget=Budget(calls_a_day=86_400, calls_a_second=1, polls_of_a_parcel_a_day=24),
    source="LaPoste",
    probe_number="8R00000000000",
)
