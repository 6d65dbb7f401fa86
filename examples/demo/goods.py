"""The orders of the small shop, one for each parcel."""

from typing import Final

GOODS: Final = (
    "Tea pot",
    "Desk lamp",
    "Rain boots",
    "Chess set",
    "Wool blanket",
    "Coffee grinder",
    "Bicycle bell",
    "Atlas of islands",
    "Bread knife",
    "Telescope",
    "Garden shears",
    "Record player",
    "Climbing rope",
    "Fountain pen",
    "Kettle",
    "Accordion strap",
    "Snow globe",
    "Picture frame",
    "Sewing box",
    "Wind chime",
)
CUSTOMERS: Final = ("Ada Berg", "Bo Lindqvist", "Chloé Martin", "Deniz Kaya", "Eva Nováková")
ADDRESSES: Final = ("ada", "bo", "chloe", "deniz", "eva")


def order(place: int) -> dict[str, str]:
    """Return the n-th order (from 0) as the fields of ``POST /v4/trackings/create``."""
    return {
        "order_number": f"ORD-{1001 + place}",
        "title": GOODS[place % len(GOODS)],
        "customer_name": CUSTOMERS[place % len(CUSTOMERS)],
        "customer_email": f"{ADDRESSES[place % len(ADDRESSES)]}@customers.example",
    }
