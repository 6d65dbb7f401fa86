"""/v4/trackings/create and get, as TrackingMore's clients call them."""

import asyncio

import pytest

from tests.support.api import Api, Caller


async def create(shop: Caller, **fields: object):
    return await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "dhl", **fields})


async def test_creating_returns_the_complete_object_in_one_line_of_ascii(shop: Caller) -> None:
    answer = await create(shop, tracking_number=" a 1 ", title="Jos\u00e9's mug", origin_country_iso2="DE", note="")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content.isascii()
    assert b"\n" not in answer.content
    assert answer.json()["meta"] == {"code": 200, "message": "Request response is successful"}
    data = answer.json()["data"]
    assert (data["tracking_number"], data["courier_code"], data["title"]) == ("A1", "dhl", "Jos\u00e9's mug")
    assert (data["origin_country"], data["note"], data["delivery_status"]) == ("DE", None, "pending")
    assert data["origin_info"]["trackinfo"] == []


async def test_responses_of_v1_end_with_a_line_feed_for_terminals_and_those_of_v4_do_not(shop: Caller) -> None:
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True}
    of_v1 = [
        await shop.post("/v1/updates", {"updates": [update]}),
        await shop.post("/v1/endpoints", {"url": "https://shop.example/hook"}),
        *[await shop.get(f"/v1/{path}") for path in ("events", "endpoints", "nothing", "events?cursor=x")],
        await shop.post("/v1/updates", {}),
        await shop.get("/health/ready"),
    ]
    of_v4 = [await shop.get("/v4/trackings/get"), await shop.get("/v4/nothing"), await create(shop, courier_code="x")]

    assert [one.content[-1:] + one.content[-2:-1].strip() for one in of_v1] == [b"\n}"] * len(of_v1)
    assert [one.content.count(b"\n") for one in of_v1 + of_v4] == [1] * len(of_v1) + [0] * len(of_v4)


async def test_creating_again_is_4101_and_changes_nothing(shop: Caller) -> None:
    await create(shop, title="First")

    again = await create(shop, title="Second")

    assert (again.status_code, again.json()["meta"]["code"], again.json()["data"]) == (400, 4101, None)
    shown = (await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"]
    assert [one["title"] for one in shown] == ["First"]


async def test_two_concurrent_requests_create_one_tracking(shop: Caller) -> None:
    answers = await asyncio.gather(*[create(shop) for _ in range(10)])

    assert sorted(answer.json()["meta"]["code"] for answer in answers) == [200, *[4101] * 9]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tracking_number": None}, 4111),
        ({"tracking_number": "  "}, 4111),
        ({"tracking_number": "?"}, 4110),
        ({"tracking_number": "A" * 65}, 4110),
        ({"tracking_number": ["A1"]}, 4130),
        ({"tracking_number": 1e5}, 4130),
        ({"tracking_number": 100000.5}, 4130),
        ({"order_number": 1.5}, 4130),
        ({"order_date": "yesterday"}, 4130),
        ({"order_date": "2026-02-30"}, 4130),
        ({"order_date": 100000}, 4130),
        ({"courier_code": ""}, 4120),
        ({"courier_code": "D H L"}, 4120),
        ({"courier_code": "dlh"}, 4120),
        ({"title": "x" * 501}, 4130),
        ({"title": "a\0"}, 4130),
        ({"title": {"en": "x"}}, 4130),
        ({"colour": "red"}, 4130),
        ({"auto_correct": "perhaps"}, 4130),
        ({"courier_code": "", "auto_correct": "1", "tracking_number": "QQQQ"}, 4121),
        ({"origin_country_iso2": "Germany"}, 4130),
        ({"destination_country": "Germany"}, 4130),
        ({"language": "the tongue of angels"}, 4130),
        ({"courier_code": "arrowxl"}, 4122),
    ],
)
async def test_invalid_input_has_its_code_and_creates_nothing(
    api: Api, shop: Caller, fields: dict[str, object], code: int
) -> None:
    answer = await create(shop, **fields)

    assert (answer.status_code, answer.json()["meta"]["code"], answer.json()["data"]) == (400, code, None)
    assert list(answer.json()["meta"]) == ["code", "message"]
    assert await api.database.serving.fetchval("select count(*) from tracking") == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b"[" * 50_000])
async def test_a_body_that_is_not_an_object_is_400(shop: Caller, body: bytes) -> None:
    answer = await shop.call("POST", "/v4/trackings/create", content=body)

    assert (answer.status_code, answer.json()["meta"]["code"]) == (400, 400)


async def test_responses_do_not_repeat_long_names(shop: Caller) -> None:
    answer = await create(shop, **{"\U0001f600" * 50_000: "x"})

    assert answer.json()["meta"]["code"] == 4130
    assert len(answer.content) < 2_000


async def numbers(shop: Caller, query: str = "") -> list[str]:
    answer = await shop.get(f"/v4/trackings/get?{query}")
    assert answer.status_code == 200, answer.text
    return [one["tracking_number"] for one in answer.json()["data"]]


async def test_the_list_is_newest_first_in_pages(shop: Caller) -> None:
    for number in range(5):
        await create(shop, tracking_number=f"A{number}")

    assert await numbers(shop) == ["A4", "A3", "A2", "A1", "A0"]
    assert await numbers(shop, "items_amount=2&pages_amount=2") == ["A2", "A1"]
    assert await numbers(shop, "items_amount=2&pages_amount=9") == []


async def test_paging_shows_each_parcel_once_while_parcels_come_and_go(shop: Caller) -> None:
    made = [(await create(shop, tracking_number=f"A{number}")).json()["data"]["id"] for number in range(6)]

    first = await numbers(shop, "items_amount=2")
    await create(shop, tracking_number="A6")
    await shop.call("DELETE", f"/v4/trackings/delete/{made[5]}")
    second = await numbers(shop, "items_amount=2&pages_amount=2")
    third = await numbers(shop, "items_amount=2&pages_amount=3")

    assert [first, second, third] == [["A5", "A4"], ["A3", "A2"], ["A1", "A0"]]
    assert await numbers(shop, "items_amount=2") == ["A6", "A4"]
    assert await numbers(shop, "items_amount=2&pages_amount=2") == ["A3", "A2"]


async def test_numbers_and_courier_filter_the_list(shop: Caller) -> None:
    await create(shop, tracking_number="A1")
    await create(shop, tracking_number="A1", courier_code="ups")
    await create(shop, tracking_number="A2")

    assert await numbers(shop, "tracking_numbers=a1,A9") == ["A1", "A1"]
    assert await numbers(shop, "tracking_numbers=A1,A2&courier_code=dhl") == ["A2", "A1"]
    assert await numbers(shop, "courier_code=ups") == ["A1"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tracking_numbers=" + ",".join(f"A{n}" for n in range(41)), 4103),
        ("tracking_numbers=a%00b", 4110),
        ("items_amount=0", 4130),
        ("items_amount=201", 4130),
        ("pages_amount=-1", 4130),
        ("pages_amount=99999999999999999999", 4130),
        ("delivery_status=done", 4130),
        ("archived_status=perhaps", 4130),
        ("created_date_min=yesterday", 4130),
        ("updated_date_max=2023-02-30", 4130),
        ("updated_date_max=9999-12-31T23:59:59Z", 4130),
        ("created_date_min=0001-01-01T00:00:00%2B14:00", 4130),
        ("created_date_min=1969-12-31", 4130),
        ("created_date_min=2023-08-24&created_date_max=2023-08-23", 4130),
        ("lang=cn", 4130),
        ("tracknumber=A1", 4130),
        ("tracking_numbers=A1&courier_code=%00", 4120),
        ("tracking_numbers=A1&tracking_numbers=A2", 4130),
        ("&".join(f"p{n}=1" for n in range(101)), 4130),
        ("tracking_numbers=%FF", 4130),
        ("%FF=1", 4130),
    ],
)
async def test_unknown_parameters_are_rejected_never_ignored(shop: Caller, query: str, code: int) -> None:
    answer = await shop.get(f"/v4/trackings/get?{query}")

    assert (answer.status_code, answer.json()["meta"]["code"]) == (400, code)


async def test_a_parameter_that_is_not_text_is_named(shop: Caller) -> None:
    answer = await shop.get("/v4/trackings/get?courier_code=dhl&tracking_numbers=A1%2C%C3")

    assert answer.json()["meta"] == {"code": 4130, "message": "tracking_numbers is not text in UTF-8."}


async def test_accounts_see_only_their_own_parcels(api: Api, shop: Caller) -> None:
    other = await api.caller()
    await create(other)

    assert await numbers(shop, "tracking_numbers=A1") == []
    assert await numbers(shop) == []
    assert (await create(shop)).json()["meta"]["code"] == 200
