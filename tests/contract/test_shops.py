"""Shop platforms' pushes register parcels; with one bit of their signature or body changed they are refused."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_pushes import flips
from tests.support.carrier_cases import SHARED
from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.inbound import Contents, Push, WrongSignature
from waypost.sources import senders, shops
from waypost.sources.couriers.table import is_known
from waypost.sources.sender import PushSender
from waypost.sources.shops.orders import companies, courier_of

FOLDER = Path(__file__).with_name("shops")
VECTORS = tomllib.loads((FOLDER / "vectors.toml").read_text("utf-8"))
SECRET = {"secret": VECTORS["secret"]}
SAMPLES: list[dict[str, Any]] = VECTORS["push"]
IDS = [f"{one['source']}-{one['signed']}-{place}" for place, one in enumerate(SAMPLES)]
CUSTOMER = {"customer_name": "Kim Example", "customer_email": "kim@example.test"}
MAP = {
    "number_field": "parcels.tracking",
    "courier_field": "parcels.by",
    "order_number_field": "order.no",
    "customer_name_field": "order.buyer.name",
}


def sender(name: str) -> PushSender:
    found = senders.find(name)
    assert found is not None
    return found


def push_of(sample: dict[str, Any]) -> Push:
    headers = {name.lower(): text for name, text in sample["headers"].items()}
    return Push((FOLDER / sample["body"]).read_bytes(), headers)


def read(
    name: str, document: object, headers: dict[str, str] | None = None, settings: dict[str, str] | None = None
) -> Contents:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return sender(name).read(Push(body, headers or {}, settings or {}), 0)


def sample_of(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def accepted(one: PushSender, push: Push) -> bool:
    try:
        one.verify(push, SECRET, 0)
    except WrongSignature:
        return False
    return True


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_every_sample_is_accepted_and_one_changed_bit_is_refused(sample: dict[str, Any]) -> None:
    one, push, name = sender(sample["source"]), push_of(sample), sample["signed"].lower()
    text = push.headers[name].encode()
    begin = len("Bearer ") if text.startswith(b"Bearer ") else 0

    assert accepted(one, push)
    for changed in flips(text, begin):
        assert not accepted(one, Push(push.body, {**push.headers, name: changed.decode("latin-1")})), changed
    if name != "authorization":  # a token does not cover the body
        assert [body for body in flips(push.body) if accepted(one, Push(body, push.headers))] == []


def test_a_fulfilment_registers_its_parcels_with_order_destination_and_customer() -> None:
    contents = read("shopify", sample_of("shopify"), {"x-shopify-topic": "fulfillments/create"})

    assert [(told.tracking_number, told.courier_code) for told in contents.told] == [
        ("00340434161094042557", "dhl-germany"),
        ("00340434161094042564", "dhl-germany"),
    ]
    assert all(told.registers and told.update is None for told in contents.told)
    assert contents.told[0].given == CUSTOMER | {
        "order_number": "#900",
        "order_id": "900",
        "order_date": "2026-03-02T10:00:00+01:00",
        "recipient_postcode": "53113",
        "destination_country": "DE",
        "destination_city": "Bonn",
    }


@pytest.mark.parametrize(
    ("changed", "topic"),
    [
        ({"tracking_number": None, "tracking_numbers": []}, "fulfillments/create"),
        ({"status": "cancelled"}, "fulfillments/update"),
        ({}, "orders/paid"),
    ],
)
def test_a_fulfilment_that_is_of_no_use_is_ignored(changed: dict[str, Any], topic: str) -> None:
    contents = read("shopify", sample_of("shopify") | changed, {"x-shopify-topic": topic})

    assert contents.told == ()
    assert contents.note


def test_an_order_registers_the_numbers_of_its_plugins() -> None:
    usual = read("woocommerce", sample_of("woocommerce"))
    more = read("woocommerce", sample_of("woocommerce"), settings={"number_keys": "_other, _warehouse_number, _odd"})

    assert [(told.tracking_number, told.courier_code) for told in usual.told] == [("9400111899560000000017", "usps")]
    assert [told.tracking_number for told in more.told] == ["9400111899560000000017", "1Z999AA10123456784"]
    assert usual.told[0].given.items() >= (CUSTOMER | {"order_number": "41", "destination_country": "US"}).items()


def test_woocommerces_test_of_an_address_needs_no_signature_and_anything_else_does() -> None:
    woocommerce = sender("woocommerce")

    assert woocommerce.verify(Push(b"webhook_id=12", {}), SECRET, 0) == "ping"
    assert read("woocommerce", b"webhook_id=12").note == "WooCommerce has tested the address."
    for body in (b"webhook_id=12&a=b", b"webhook_id=", b'{"number":"1"}', b"webhook_id=" + b"1" * 99):
        assert not accepted(woocommerce, Push(body, {}))


def test_a_map_says_where_the_fields_of_any_shop_are() -> None:
    contents = read("order-shipped", sample_of("order-shipped"), settings=MAP)

    assert [(told.tracking_number, told.courier_code) for told in contents.told] == [
        ("9400111899560000000017", "usps"),
        ("1Z999AA10123456784", "ups"),
    ]
    assert contents.told[1].given == {"order_number": "77", "customer_name": "Kim Example"}
    assert read("order-shipped", sample_of("order-shipped")).note


def test_an_order_with_values_that_are_not_valid_registers_its_parcel_without_them() -> None:
    order = {"tracking_number": "A1", "order_date": "yesterday", "destination_country": "Germany", "order_id": {"a": 1}}

    assert read("order-shipped", order).told[0].given == {}


@pytest.mark.parametrize("name", [one.name for one in shops.senders()])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"<html>", b'{"meta_data":7}', b"\xff" * 9, b"[" * 9000])
def test_any_other_body_is_unreadable_or_ignored(name: str, body: bytes) -> None:
    try:
        contents = read(name, body)
    except CarrierUnavailable:
        return
    assert contents.told == ()


def test_companies_have_codes_of_the_table() -> None:
    assert [code for codes in companies().values() for code in codes if not is_known(code)] == []
    assert courier_of("DHL", "00340434161094042557") == "dhl-germany"
    assert courier_of("Royal Mail", "X") == "royal-mail"
    assert courier_of("sf_express", "X") == "sf-express"
    assert courier_of("Other", "X") is None


def test_the_shared_vectors_are_accepted() -> None:
    folder = SHARED / "sources/shops"
    if not folder.exists():
        pytest.skip("the shared data is not here")
    vectors = json.loads((folder / "signatures.json").read_bytes())
    for file, one in vectors.items():
        of = sender(file.partition("-")[0])
        push = Push((folder / f"{file}.json").read_bytes(), one["headers"])
        assert of.verify(push, {"secret": one["secret"]}, 0)
        assert of.read(push, 0).told[0].tracking_number == "00340434161094042557"
