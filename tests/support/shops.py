"""Accounts of a running server with one object for every id in a path."""

from examples.demo.site import Site
from tests.support.serving import Serving

CLOSED = "http://127.0.0.1:1024/"
"""Nobody listens here."""


def two_shops(server: Serving) -> list[Site]:
    """Return two accounts, each with a parcel, an endpoint and a delivery."""
    shops = [server.account(f"shop{place}@example.com") for place in range(2)]
    for shop in shops:
        shop.post("/v1/endpoints", {"url": CLOSED, "statuses": ["delivered"]})
        scan = {"checkpoint_date": "2026-03-02T08:15:00", "tracking_detail": "Delivered to the neighbour"}
        update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        shop.post("/v1/updates", {"updates": [update]})
    return shops


def ids_of(shop: Site) -> dict[str, str]:
    """Return the ids for paths."""
    return {
        "tracking_id": shop.get("/v4/trackings/get")["data"][-1]["id"],
        "endpoint_id": shop.get("/v1/endpoints")["items"][-1]["id"],
        "delivery_id": shop.get("/v1/deliveries")["items"][-1]["id"],
    }
