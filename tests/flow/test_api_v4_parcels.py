"""/v4/trackings: batch, update, delete, retrack, the filters of get, and /v4/awb."""

from typing import Any

import pytest

from tests.support.api import Api, Caller
from waypost.domain.trackings import Source, Update
from waypost.intake.requests import Request

KNOWN = ("A1", "A2", "A3")


async def create(shop: Caller, number: str = "A1", courier: str = "dhl", **fields: object) -> dict[str, Any]:
    body = {"tracking_number": number, "courier_code": courier, **fields}
    data: dict[str, Any] = (await shop.post("/v4/trackings/create", body)).json()["data"]
    return data


async def report(shop: Caller, number: str, status: str, courier: str = "dhl") -> None:
    scan = {
        "checkpoint_date": "2026-03-02T08:15:00",
        "tracking_detail": "Scanned",
        "checkpoint_delivery_status": status,
    }
    update = {"tracking_number": number, "courier_code": courier, "checkpoints": [scan]}
    assert (await shop.post("/v1/updates", {"updates": [update]})).json()["changed"] == 1


async def numbers(shop: Caller, query: str = "") -> list[str]:
    answer = await shop.get(f"/v4/trackings/get?{query}")
    assert answer.status_code == 200, answer.text
    return [one["tracking_number"] for one in answer.json()["data"]]


def refused(answer: Any, code: int) -> bool:
    return (answer.status_code, answer.json()["meta"]["code"], answer.json()["data"]) == (400, code, None)


async def test_a_batch_reports_the_result_of_each_item(shop: Caller) -> None:
    await create(shop, "A1")
    items = [
        {"tracking_number": "A1", "courier_code": "dhl"},
        {"tracking_number": "a 2", "courier_code": "ups", "title": "", "note": None},
        {"tracking_number": "A2", "courier_code": "ups"},
        {"tracking_number": "", "courier_code": "dhl"},
        {"tracking_number": "A3", "courier_code": "?"},
        {"tracking_number": 7, "courier_code": "dhl"},
        "A4",
    ]

    answer = await shop.post("/v4/trackings/batch", items)

    assert answer.status_code == 200
    data = answer.json()["data"]
    assert [sorted(one) for one in data["success"]] == [["courier_code", "id", "tracking_number"]] * 2
    assert [(one["tracking_number"], one["courier_code"]) for one in data["success"]] == [("A2", "ups"), ("7", "dhl")]
    assert {tuple(one) for one in data["error"]} == {
        ("id", "tracking_number", "courier_code", "errorCode", "errorMessage")
    }
    assert [(one["tracking_number"], one["errorCode"]) for one in data["error"]] == [
        ("", 4111),
        ("A3", 4120),
        (None, 4130),
        ("A1", 4101),
        ("A2", 4101),
    ]


@pytest.mark.parametrize(
    ("body", "code"), [([], 400), ({}, 400), ([{"tracking_number": "A1", "courier_code": "dhl"}] * 41, 4103)]
)
async def test_an_invalid_batch_is_rejected_as_a_whole(shop: Caller, body: object, code: int) -> None:
    assert refused(await shop.post("/v4/trackings/batch", body), code)
    assert await numbers(shop) == []


@pytest.mark.parametrize(
    ("number", "courier", "taken"),
    [
        ("1Z999AA10123456784", "dhl", "ups"),
        ("1Z999AA10123456784", "", "ups"),
        ("1Z999AA10123456784", "ups", "ups"),
        ("12345678", "usps", "usps"),
        ("QQQQ", "usps", "usps"),
    ],
)
async def test_auto_correct_changes_the_courier_only_if_the_number_proves_it(
    shop: Caller, number: str, courier: str, taken: str
) -> None:
    assert (await create(shop, number, courier, auto_correct="1"))["courier_code"] == taken


async def test_without_auto_correct_the_given_courier_is_kept(shop: Caller) -> None:
    assert (await create(shop, "1Z999AA10123456784", "dhl", auto_correct="0"))["courier_code"] == "dhl"


async def test_a_number_that_is_tracked_with_another_courier_is_named_in_a_header(api: Api, shop: Caller) -> None:
    batch = [{"tracking_number": number, "courier_code": "fedex"} for number in ("A1", "A2", "A3")]
    for caller, courier in ((await api.caller(), "usps"), (shop, "dhl")):
        alone = await caller.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": courier})
        assert "waypost-also-tracked" not in alone.headers

    second = await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "ups"})
    several = await shop.post("/v4/trackings/batch", [*batch, {"tracking_number": "A2", "courier_code": "ups"}])

    assert second.headers["waypost-also-tracked"] == "A1=dhl"
    assert several.headers["waypost-also-tracked"] == "A1=dhl+ups, A2=ups, A2=fedex"


async def test_each_filter_selects_trackings(shop: Caller) -> None:
    ids = {number: (await create(shop, number))["id"] for number in KNOWN}
    await create(shop, "A4", "ups")
    await report(shop, "A2", "delivered")
    await report(shop, "A4", "transit", "ups")
    await shop.call("PUT", f"/v4/trackings/update/{ids['A3']}", json={"archived_status": "archived"})

    assert await numbers(shop, "delivery_status=delivered") == ["A2"]
    assert await numbers(shop, "delivery_status=pending,transit") == ["A4", "A3", "A1"]
    assert await numbers(shop, "archived_status=tracking") == ["A4", "A2", "A1"]
    assert await numbers(shop, "archived_status=true") == ["A3"]
    assert await numbers(shop, "archived_status=false&delivery_status=pending") == ["A1"]
    assert await numbers(shop, "courier_code=ups") == ["A4"]
    assert await numbers(shop, "courier_code=dhl&delivery_status=pending&archived_status=0") == ["A1"]
    assert await numbers(shop, "tracking_numbers=A1,A2,A4&delivery_status=transit") == ["A4"]
    assert await numbers(shop, "delivery_status=pending,transit&items_amount=2&pages_amount=2&lang=en") == ["A1"]


async def place(api: Api, number: str, updated_at: str) -> None:
    """Put a parcel's last change at a time."""
    await api.database.serving.execute(
        "update tracking set updated_at = $2::text::timestamptz where tracking_number = $1", number, updated_at
    )


async def test_update_times_filter_and_order(api: Api, shop: Caller) -> None:
    for number in KNOWN:
        await create(shop, number)
    await create(shop, "A4", "ups")
    await place(api, "A1", "2026-03-03T00:00:00.900+00")
    await place(api, "A2", "2026-03-02T06:00:00+00")
    await place(api, "A4", "2026-03-02T05:59:59+00")
    await place(api, "A3", "2026-03-01T00:00:00+00")

    assert await numbers(shop, "updated_date_min=2026-03-02T14:00:00+08:00&updated_date_max=2026-03-03") == ["A1", "A2"]
    assert await numbers(shop, "updated_date_max=2026-03-02T06:00:00%2B00:00") == ["A2", "A4", "A3"]
    assert await numbers(shop, "updated_date_max=2026-03-02T06:00:00Z&courier_code=ups") == ["A4"]
    assert await numbers(shop, "updated_date_min=1772431200&delivery_status=pending&items_amount=1") == ["A1"]
    assert await numbers(shop, "updated_date_min=2026-03-02&tracking_numbers=A2,A3") == ["A2"]


async def test_creation_times_filter(shop: Caller) -> None:
    await create(shop)

    assert await numbers(shop, "created_date_min=2026-01-01 00:00:00&created_date_max=9998-12-31T00:00:00 08:00") == [
        "A1"
    ]
    assert await numbers(shop, "created_date_min=2036-01-01") == []
    assert await numbers(shop, "created_date_max=2020-01-01&delivery_status=pending") == []


UPDATED = (
    "id tracking_number courier_code courier_code_new order_number order_date order_id destination_country"
    " origin_country tracking_postal_code tracking_ship_date tracking_courier_account tracking_destination_country"
    " tracking_origin_country tracking_key customer_name customer_email customer_sms recipient_postcode title"
    " logistics_channel note label archived_status"
)


async def test_an_update_changes_only_given_fields_and_returns_the_shops_values(shop: Caller) -> None:
    made = await create(shop, title="Mug", note="blue")

    body = {"title": "Cup", "note": "", "destination_country_iso2": "de", "courier_code_new": "ups", "label": "1,2"}
    answer = await shop.call("PUT", f"/v4/trackings/update/{made['id']}", json=body)

    data = answer.json()["data"]
    assert " ".join(data) == UPDATED
    assert (data["title"], data["note"], data["destination_country"], data["label"]) == ("Cup", "blue", "DE", "1,2")
    assert (data["courier_code"], data["courier_code_new"], data["archived_status"]) == ("ups", "ups", "tracking")
    (shown,) = (await shop.get("/v4/trackings/get")).json()["data"]
    assert (shown["title"], shown["courier_code"], shown["origin_info"]["courier_code"]) == ("Cup", "ups", "ups")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tracking_number": "A9"}, 4130),
        ({"courier_code": "ups"}, 4130),
        ({"courier_code_new": "D H L"}, 4120),
        ({"courier_code_new": "dlh"}, 4120),
        ({"courier_code_new": "gls"}, 4101),
        ({"courier_code_new": "arrowxl"}, 4122),
        ({"archived_status": "perhaps"}, 4130),
        ({"title": "x" * 501}, 4130),
        ({"order_date": "2026-13-01"}, 4130),
        ([], 400),
    ],
)
async def test_an_invalid_update_changes_nothing(shop: Caller, body: object, code: int) -> None:
    made = await create(shop, title="Mug")
    await create(shop, courier="gls")

    body = {"title": "Cup", **body} if isinstance(body, dict) else body
    answer = await shop.call("PUT", f"/v4/trackings/update/{made['id']}", json=body)

    assert refused(answer, code), answer.text
    assert [one["title"] for one in (await shop.get("/v4/trackings/get")).json()["data"]] == [None, "Mug"]


async def test_archived_trackings_are_marked(shop: Caller) -> None:
    made = await create(shop)
    path = f"/v4/trackings/update/{made['id']}"

    away = await shop.call("PUT", path, json={"archived_status": "true"})
    (shown,) = (await shop.get("/v4/trackings/get")).json()["data"]
    back = await shop.call("PUT", path, json={"archived_status": "tracking"})

    assert (away.json()["data"]["archived_status"], back.json()["data"]["archived_status"]) == ("archived", "tracking")
    assert (shown["archived"], shown["updating"]) == ("archived", False)


async def test_a_deleted_tracking_is_gone_and_its_number_is_free(shop: Caller) -> None:
    made = await create(shop)
    path = f"/v4/trackings/delete/{made['id']}"

    gone = await shop.call("DELETE", path, headers={"content-type": "application/json"})

    assert (gone.status_code, gone.json()["data"]["id"]) == (200, made["id"])
    assert refused(await shop.call("DELETE", path), 4102)
    assert await numbers(shop) == []
    assert (await create(shop))["id"] != made["id"]


async def test_only_an_expired_tracking_can_be_retracked(api: Api, shop: Caller) -> None:
    made = await create(shop)
    path = f"/v4/trackings/retrack/{made['id']}"

    early = await shop.call("POST", path)
    expired = Request(shop.account, "A1", "dhl", Update(Source.EXPIRY, expires=True))
    await api.parts.intake.submit([expired])
    again = await shop.call("POST", path)
    twice = await shop.call("POST", path)

    assert refused(early, 4113)
    assert (again.status_code, again.json()["data"]["delivery_status"]) == (200, "pending")
    assert refused(twice, 4113)


CALLS = (("PUT", "update"), ("DELETE", "delete"), ("POST", "retrack"))


async def call(shop: Caller, method: str, name: str, tracking: str) -> Any:
    return await shop.call(method, f"/v4/trackings/{name}/{tracking}", content=b"{}" if method == "PUT" else b"")


NO_IDS = {"0" * 31: 4112, "A" * 32: 4112, "\u0660" * 32: 4112, "9a73b452e03c2c724414f3859fad1c2c": 4102}


async def test_invalid_and_unknown_ids_have_their_codes(shop: Caller) -> None:
    for method, name in CALLS:
        for tracking, code in NO_IDS.items():
            assert refused(await call(shop, method, name, tracking), code), (name, tracking)


AIR_WAYBILLS = {
    "235-69030430": 4161,
    "235 69030430": 4161,
    "23569030430": 4161,
    "235-69030431": 4160,
    "235": 4160,
    "": 4160,
}


async def test_an_air_waybill_is_validated_but_no_airline_is_queried(shop: Caller) -> None:
    for path in ("/v4/awb", "/v4//awb"):
        for number, code in AIR_WAYBILLS.items():
            assert refused(await shop.post(path, {"awb_number": number}), code), (path, number)


NO_CALLS = (
    ("GET", "/v4/nonsense", 404),
    ("POST", "/v4/trackings/get", 405),
    ("GET", "/v4/trackings/update/x", 405),
    ("GET", "/v4", 404),
)


async def test_unknown_v4_paths_have_the_envelope_too(shop: Caller) -> None:
    for method, path, status in NO_CALLS:
        answer = await shop.call(method, path)

        assert (answer.status_code, list(answer.json()), answer.json()["data"]) == (status, ["meta", "data"], None)
        assert list(answer.json()["meta"]) == ["code", "message"]
        assert answer.json()["meta"]["code"] == status
