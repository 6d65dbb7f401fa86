"""DHL Shipment Tracking - Unified: one API for DHL Express, Parcel, eCommerce and Deutsche Post; see doc.md.

``client`` sends requests, ``answer`` is the wire format, ``read`` turns an answer into an ``Update``, ``codes`` finds a
scan's substatus from its code and texts.
"""

from typing import Final

from waypost.domain.budget import Budget
from waypost.sources.carriers.carrier import Carrier, Field

CARRIER: Final = Carrier(
    name="dhl",
    title="DHL",
    courier_codes=frozenset(
        {
            "dhl",
            "dhl-germany",
            "deutsche-post",
            "dhlglobalmail",
            "dhlecommerce-asia",
            "dhl-parcel-nl",
            "dhlparcel-nl",
            "dhl-benelux",
            "dhl-poland",
            "dhl-es",
        }
    ),
    fields=(Field("api_key", "API Key"),),
    base_url="https://api-eu.dhl.com",
    # DHL's limit for a new key; it grants more on request by a form.
    budget=Budget(calls_a_day=250, calls_a_second=1, polls_of_a_parcel_a_day=10),
    source="DhlUnified",
    probe_number="00340434161094000000",
)
