"""/v4/couriers/all and detect, as TrackingMore's clients call them."""

from typing import Any

import msgspec
import pytest

from tests.support.api import Api, Caller

KEYS = [
    *("courier_name", "courier_code", "courier_country_iso2", "courier_url", "courier_phone", "courier_type"),
    *("tracking_required_fields", "optional_fields", "default_language", "support_language", "courier_logo"),
]


class StrictCourier(msgspec.Struct, forbid_unknown_fields=True):
    """A courier as a client that checks types reads it."""

    courier_name: str
    courier_code: str
    courier_country_iso2: str | None
    courier_url: str | None
    courier_phone: str | None
    courier_type: str
    tracking_required_fields: list[str] | None
    optional_fields: list[str] | None
    default_language: str | None
    support_language: list[str]
    courier_logo: str | None


async def detect(shop: Caller, body: object) -> Any:
    return await shop.post("/v4/couriers/detect", body)


def codes(answer: Any) -> list[str]:
    return [one["courier_code"] for one in answer.json()["data"]]


async def test_couriers_have_every_key_with_its_type(shop: Caller) -> None:
    answer = await shop.get("/v4/couriers/all", headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["meta"]["code"]) == (200, 200)
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.isascii()
    assert b"\n" not in answer.content
    data = answer.json()["data"]
    assert {tuple(one) for one in data} == {tuple(KEYS)}
    assert len(msgspec.convert(data, list[StrictCourier])) >= 300
    assert codes(answer) == sorted(codes(answer))


async def test_a_courier_is_shown_with_its_facts(shop: Caller) -> None:
    data = (await shop.get("/v4/couriers/all")).json()["data"]

    (one,) = (one for one in data if one["courier_code"] == "postnl-3s")
    assert (one["courier_country_iso2"], one["courier_type"], one["courier_logo"]) == ("NL", "postal", None)
    assert one["tracking_required_fields"] == ["tracking_postal_code", "tracking_destination_country"]
    assert (one["optional_fields"], one["default_language"]) == (None, "nl")


async def test_the_best_guess_comes_first(shop: Caller) -> None:
    answer = await detect(shop, {"tracking_number": " rr 473 124 829 de "})

    assert (answer.status_code, codes(answer)) == (200, ["deutsche-post"])
    assert list(answer.json()["data"][0]) == KEYS


async def test_a_json_number_is_accepted_as_a_tracking_number(shop: Caller) -> None:
    assert codes(await detect(shop, {"tracking_number": 797806677146}))[0] == "fedex"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 4111),
        ({"tracking_number": None}, 4111),
        ({"tracking_number": " "}, 4111),
        ({"tracking_number": "?"}, 4110),
        ({"tracking_number": "A" * 65}, 4110),
        ({"tracking_number": "9" * 65}, 4110),
        ({"tracking_number": ["A1"]}, 4130),
        ({"number": "A1"}, 4130),
        ({"tracking_number": "HELLO"}, 4121),
    ],
)
async def test_a_number_without_a_courier_says_why(shop: Caller, body: object, code: int) -> None:
    answer = await detect(shop, body)

    assert (answer.status_code, answer.json()["meta"]["code"], answer.json()["data"]) == (400, code, None)
    assert list(answer.json()["meta"]) == ["code", "message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b"[" * 50_000])
async def test_a_body_that_is_not_an_object_is_400(shop: Caller, body: bytes) -> None:
    answer = await shop.call("POST", "/v4/couriers/detect", content=body)

    assert (answer.status_code, answer.json()["meta"]["code"]) == (400, 400)


async def test_a_key_without_read_permission_sees_no_courier(api: Api) -> None:
    other = await api.caller(scopes=("write",))

    assert (await other.get("/v4/couriers/all")).json()["meta"]["code"] == 403
    assert (await detect(other, {"tracking_number": "RR473124829DE"})).json()["meta"]["code"] == 403
