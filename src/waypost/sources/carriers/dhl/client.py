"""Asks DHL Shipment Tracking - Unified for a parcel."""

from collections.abc import Mapping
from typing import Final

from waypost.domain.budget import Budget
from waypost.domain.trackings import Update
from waypost.sources.carriers.dhl.read import read_answer
from waypost.sources.http import CarrierHttp, check_base_url, check_key

BASE_URL: Final = "https://api-eu.dhl.com"
"""Where DHL answers; the setting CARRIER_DHL_BASE_URL names another place."""

BUDGET: Final = Budget(calls_a_day=250, calls_a_second=1, asks_of_a_parcel_a_day=10)
"""What DHL allows a new key; more is granted by its form, and set by CARRIER_DHL_DAILY_CALLS."""

COURIER_CODES: Final = frozenset(
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
)
"""The courier codes of DHL's companies that the unified API answers for."""

_LONGEST_POSTCODE: Final = 16


class DhlUnified:
    """One key of DHL's unified API; a ``CarrierSource``."""

    def __init__(self, http: CarrierHttp, *, api_key: str, base_url: str = BASE_URL, budget: Budget = BUDGET) -> None:
        self._http = http
        self._url = check_base_url(base_url, setting="CARRIER_DHL_BASE_URL") + "/track/shipments"
        self._headers = {"dhl-api-key": check_key(api_key, setting="CARRIER_DHL_API_KEY")}
        self._budget = budget

    @property
    def name(self) -> str:
        """Its name in settings, logs and metrics."""
        return "dhl"

    @property
    def courier_codes(self) -> frozenset[str]:
        """The courier codes that it answers for."""
        return COURIER_CODES

    @property
    def budget(self) -> Budget:
        """How often it may be asked."""
        return self._budget

    async def ask(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        """Give what DHL knows of a parcel now. Raises CarrierError.

        The recipient's postcode, where the shop gave one, is sent along: DHL Parcel tells more to who knows it.
        """
        answer = await self._http.get(self._url, _query(tracking_number, facts), self._headers)
        return read_answer(answer.status, answer.body, tracking_number)


def _query(tracking_number: str, facts: Mapping[str, str]) -> dict[str, str]:
    query = {"trackingNumber": tracking_number, "language": "en"}
    postcode = (facts.get("recipient_postcode") or facts.get("tracking_postal_code") or "").strip()
    if 0 < len(postcode) <= _LONGEST_POSTCODE:
        query["recipientPostalCode"] = postcode
    return query
