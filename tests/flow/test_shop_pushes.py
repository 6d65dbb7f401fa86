"""What shop platforms push registers parcels, and keeps of customers only what the connection says."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from threading import get_ident
from typing import Any

import pytest

from tests.support.api import Api, Caller, serving_api
from tests.support.pushing import SECRET, Pusher, connect, read_all, reader
from waypost.domain.inbound import MOST_PARCELS, Contents, Push
from waypost.domain.quotas import Quota
from waypost.intake import push_reader
from waypost.sources import senders
from waypost.store.database import Database

BEARER = {"authorization": f"Bearer {SECRET}"}
ORDER = {
    "tracking_number": "9400111899560000000017",
    "courier_code": "usps",
    "order_number": "77",
    "customer_name": "Kim Example",
    "customer_email": "kim@example.test",
    "destination_country": "DE",
}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database) as api:
        yield api


@pytest.fixture
async def shop(api: Api) -> Caller:
    return await api.caller()


async def push(pusher: Pusher, order: dict[str, Any] = ORDER) -> None:
    answer = await pusher.push(json.dumps(order).encode(), BEARER)
    assert answer.status_code == 200
    await read_all(pusher.api.parts)


async def parcel(shop: Caller) -> dict[str, Any]:
    (found,) = (await shop.get("/v4/trackings/get")).json()["data"]
    assert isinstance(found, dict)
    return found


async def test_an_order_registers_its_parcel_without_its_customer(api: Api, shop: Caller) -> None:
    await push(await connect(api, shop, "order-shipped"))

    found = await parcel(shop)

    assert (found["tracking_number"], found["courier_code"]) == (ORDER["tracking_number"], "usps")
    assert (found["order_number"], found["destination_country"]) == ("77", "DE")
    assert (found["customer_name"], found["customer_email"]) == (None, None)


def listing(parcels: int, *, first: int = 0) -> dict[str, Any]:
    numbers = [f"A{number:07}" for number in range(first, first + parcels)]
    return {"tracking_number": numbers, "courier_code": "usps"}


async def registered(api: Api) -> int:
    return int(await api.database.serving.fetchval("select count(*) from tracking"))


async def test_every_parcel_that_a_shop_lists_is_registered(api: Api, shop: Caller) -> None:
    await push(await connect(api, shop, "order-shipped"), listing(120))

    assert await registered(api) == 120


async def test_a_push_that_lists_too_many_parcels_registers_none_and_says_why(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "order-shipped")

    await push(pusher, listing(MOST_PARCELS + 1))

    assert await pusher.calls() == [("unreadable", "it lists more than 1,000 parcels")]
    assert await registered(api) == 0


async def test_pushes_with_many_parcels_are_carried_out_in_portions(
    api: Api, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_reader, "MOST_PARCELS", 4)
    pusher = await connect(api, shop, "order-shipped")
    for number in range(5):
        await pusher.push(json.dumps(listing(2, first=10 * number)).encode(), BEARER)

    await read_all(api.parts)

    assert await registered(api) == 10
    assert await api.database.serving.fetchval("select count(distinct xmin::text) from inbound_call") == 3


async def test_a_large_push_is_read_in_another_thread_than_that_of_the_calls(api: Api, shop: Caller) -> None:
    threads: list[int] = []

    def read(source: str, stored: Push, arrived_at: int) -> Contents:
        threads.append(get_ident())
        return senders.read(source, stored, arrived_at)

    pusher = await connect(api, shop, "order-shipped")
    for size in (10, 100_000):
        await pusher.push(json.dumps(ORDER | {"note": "x" * size}).encode(), BEARER)

    await reader(api.parts, read).run_once()

    assert [thread == get_ident() for thread in threads] == [True, False]
    assert [became for became, _ in await pusher.calls()] == ["unchanged", "registered"]


async def test_an_order_registers_its_customer_if_the_connection_says_so(api: Api, shop: Caller) -> None:
    await push(await connect(api, shop, "order-shipped", settings={"keep_customers": "yes"}))

    found = await parcel(shop)

    assert (found["customer_name"], found["customer_email"]) == ("Kim Example", "kim@example.test")


async def test_an_order_whose_parcel_is_known_changes_nothing(api: Api, shop: Caller) -> None:
    await shop.post("/v4/trackings/create", {"tracking_number": ORDER["tracking_number"], "courier_code": "dhl"})
    pusher = await connect(api, shop, "order-shipped")

    await push(pusher)

    assert (await parcel(shop))["courier_code"] == "dhl"
    assert await pusher.calls() == [("unchanged", ORDER["tracking_number"])]


async def test_the_number_decides_about_the_courier_if_the_shop_names_none(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "order-shipped")

    await push(pusher, {"tracking_number": "1Z999AA10123456784"})
    await push(pusher, {"tracking_number": "A1"})

    assert (await parcel(shop))["courier_code"] == "ups"
    assert (await pusher.calls())[0] == ("unknown", "A1: its courier could not be detected")


async def test_an_account_whose_quota_is_used_up_registers_nothing_and_the_shop_sees_no_error(
    database: Database,
) -> None:
    async with serving_api(database, quota=Quota(parcels=0)) as api:
        pusher = await connect(api, await api.caller(), "order-shipped")

        await push(pusher)

        assert await pusher.calls() == [
            ("unknown", f"{ORDER['tracking_number']}: the account's quota of parcels is used up")
        ]


async def test_an_order_is_read_again_once_the_map_says_where_its_number_is(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "order-shipped")
    order = {"parcel": {"no": ORDER["tracking_number"], "by": "USPS"}}
    await push(pusher, order)
    settings = {"number_field": "parcel.no", "courier_field": "parcel.by"}
    await shop.call("PATCH", f"/v1/connections/{pusher.connection['id']}", json={"settings": settings})

    await push(pusher, order)

    assert [became for became, _ in await pusher.calls()] == ["registered", "ignored"]


async def test_a_disabled_shops_connection_answers_without_an_error(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "order-shipped")
    await shop.call("PATCH", f"/v1/connections/{pusher.connection['id']}", json={"enabled": False})

    await push(pusher)

    assert (await shop.get("/v4/trackings/get")).json()["data"] == []


async def test_a_setting_that_a_platform_does_not_have_is_rejected(shop: Caller) -> None:
    for settings, field in (
        ({"colour": "red"}, "settings.colour"),
        ({"keep_customers": "1"}, "settings.keep_customers"),
    ):
        body = {"source": "shopify", "credentials": {}, "settings": settings}

        answer = await shop.post("/v1/connections", body)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("source", ["order-shipped", "dhl-push"])
async def test_a_header_that_no_request_can_have_is_rejected(shop: Caller, source: str) -> None:
    body = {"source": source, "credentials": {"secret": SECRET, "header": "X Token:"}}

    answer = await shop.post("/v1/connections", body)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "credentials.header", "message": "must be the name of a header, such as X-Token"}
    ]


async def test_no_push_is_stored_in_plain_text_even_for_a_moment(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "order-shipped")
    await pusher.push(json.dumps(ORDER).encode(), BEARER)

    kept = await api.database.serving.fetchval("select push from inbound")

    assert b"kim@example" not in kept


def fulfilment(number: str, *, status: str = "success", fulfilment_id: int = 7, at: str | None = None) -> bytes:
    """Return the body of a webhook of Shopify about a fulfillment of order 1001."""
    told = {"id": fulfilment_id, "order_id": 1001, "name": "#1001.1", "status": status, "tracking_company": "USPS"}
    told |= {} if at is None else {"updated_at": at}
    return json.dumps(told | {"tracking_number": number, "tracking_numbers": [number]}).encode()


def order_of(*numbers: str, status: str = "completed", at: str | None = None) -> bytes:
    """Return the body of a webhook of WooCommerce about order 41."""
    items = [{"tracking_provider": "usps", "tracking_number": number} for number in numbers]
    meta = [{"key": "_wc_shipment_tracking_items", "value": items}]
    told = {"id": 41, "number": "41", "status": status, "meta_data": meta, "date_modified_gmt": at}
    return json.dumps(told).encode()


def signed(source: str, body: bytes) -> dict[str, str]:
    header = {"shopify": "x-shopify-hmac-sha256", "woocommerce": "x-wc-webhook-signature"}[source]
    return {header: base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()}


async def call(pusher: Pusher, *bodies: bytes) -> None:
    for body in bodies:
        assert (await pusher.push(body, signed(pusher.connection["source"], body))).status_code == 200
    await read_all(pusher.api.parts)


async def parcels(shop: Caller) -> dict[str, dict[str, Any]]:
    """Return the account's parcels as v1 shows them, by number."""
    listed = (await shop.get("/v4/trackings/get")).json()["data"]
    found = [(await shop.get(f"/v1/trackings/{one['id']}")).json() for one in listed]
    return {one["tracking_number"]: one for one in found}


@pytest.mark.parametrize(
    ("source", "first", "second"),
    [("shopify", fulfilment("A1"), fulfilment("A2")), ("woocommerce", order_of("A1"), order_of("A2"))],
)
async def test_a_replaced_number_says_by_which_one_and_stays(
    api: Api, shop: Caller, source: str, first: bytes, second: bytes
) -> None:
    pusher = await connect(api, shop, source)
    await call(pusher, first)
    await call(pusher, second)

    found = await parcels(shop)

    assert {number: one["replaced_by"] for number, one in found.items()} == {"A1": found["A2"]["id"], "A2": None}
    assert {one["archived"] for one in found.values()} == {"tracking"}


@pytest.mark.parametrize(
    ("source", "newer", "older"),
    [
        (
            "shopify",
            fulfilment("A2", at="2026-03-02T10:15:01+01:00"),
            fulfilment("A1", at="2026-03-02T04:15:00-05:00"),
        ),
        ("woocommerce", order_of("A2", at="2026-03-02T09:15:01"), order_of("A1", at="2026-03-02T09:15:00")),
    ],
)
async def test_a_push_that_is_older_than_what_the_shop_said_last_replaces_nothing(
    api: Api, shop: Caller, source: str, newer: bytes, older: bytes
) -> None:
    pusher = await connect(api, shop, source)
    await call(pusher, newer)
    await call(pusher, older)

    assert (await parcels(shop))["A2"]["replaced_by"] is None


BY_SHOPIFY = fulfilment("A1"), fulfilment("A1", status="cancelled")
BY_WOOCOMMERCE = order_of("A1"), order_of("A1", status="cancelled")


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("shopify", [[*BY_SHOPIFY]]),
        ("shopify", [[one] for one in BY_SHOPIFY]),
        ("woocommerce", [[*BY_WOOCOMMERCE]]),
        ("woocommerce", [[one] for one in BY_WOOCOMMERCE]),
    ],
    ids=["shopify-read-together", "shopify", "woocommerce-read-together", "woocommerce"],
)
async def test_a_cancelled_shipment_archives_its_parcels(
    api: Api, shop: Caller, source: str, calls: list[list[bytes]]
) -> None:
    pusher = await connect(api, shop, source)
    for bodies in calls:
        await call(pusher, *bodies)

    found = await parcels(shop)

    assert found["A1"]["archived"] == "archived"
    assert (await pusher.calls())[0][0] == "updated"


async def test_other_shipments_of_the_order_are_neither_replaced_nor_archived(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "shopify")
    await call(pusher, fulfilment("A1"), fulfilment("A2", fulfilment_id=8))
    await call(pusher, fulfilment("A2", fulfilment_id=8, status="cancelled"))

    found = await parcels(shop)

    assert {number: (one["archived"], one["replaced_by"]) for number, one in found.items()} == {
        "A1": ("tracking", None),
        "A2": ("archived", None),
    }


async def test_a_cancelled_shipment_of_nobody_is_ignored(api: Api, shop: Caller) -> None:
    await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "usps"})
    pusher = await connect(api, shop, "shopify")
    await call(pusher, fulfilment("A1", status="cancelled"))

    assert (await parcels(shop))["A1"]["archived"] == "tracking"
    assert (await pusher.calls())[0] == ("ignored", "The fulfillment #1001.1 was cancelled.")


async def test_a_number_that_the_shop_lists_again_is_not_replaced_any_more(api: Api, shop: Caller) -> None:
    pusher = await connect(api, shop, "woocommerce")
    for numbers in (["A1"], ["A2"], ["A1", "A2"]):
        await call(pusher, order_of(*numbers))

    assert {one["replaced_by"] for one in (await parcels(shop)).values()} == {None}
