"""/v1/endpoints: settings, rejections, and the effect on waiting deliveries."""

import asyncio
import re
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api, Caller

URL = "http://127.0.0.1/hook"
KEYS = [
    *("id", "url", "description", "version", "statuses", "trigger", "ordering", "enabled", "disabled_reason"),
    *("rate_limit_per_second", "headers", "disable_after_days", "recover_automatically"),
    *("health", "failing_since", "last_error", "created_at", "updated_at"),
]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def add(shop: Caller, **fields: object) -> Any:
    answer = await shop.post("/v1/endpoints", {"url": URL, "allow_duplicate": True, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def report(shop: Caller, *numbers: str) -> None:
    scan = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Out for delivery"}
    updates = [
        {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]} for number in numbers
    ]
    assert (await shop.post("/v1/updates", {"updates": updates})).status_code == 200


def fields_of(answer) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


async def test_a_new_endpoint_is_enabled_for_all_statuses_and_shows_its_secret_once(shop: Caller) -> None:
    made = await add(shop, description="My shop")

    assert list(made) == [*KEYS, "secret"]
    assert re.fullmatch(r"ep_[0-9a-f]{32}", made["id"])
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    chosen = {name: made[name] for name in ("url", "description", "version", "statuses", "trigger", "ordering")}
    assert chosen == {
        "url": URL,
        "description": "My shop",
        "version": "V4",
        "statuses": "all",
        "trigger": "every_update",
        "ordering": "ordered",
    }
    assert (made["enabled"], made["health"], made["headers"]) == (True, "new", {})
    assert TIME.fullmatch(made["created_at"])
    found = (await shop.get(f"/v1/endpoints/{made['id']}")).json()
    assert list(found) == KEYS
    assert found == {name: made[name] for name in KEYS}


async def test_a_rate_limit_can_be_set_changed_and_removed(shop: Caller) -> None:
    made = await add(shop, rate_limit_per_second=5)
    path = f"/v1/endpoints/{made['id']}"

    changed = (await shop.call("PATCH", path, json={"rate_limit_per_second": 1000})).json()
    kept = (await shop.call("PATCH", path, json={"description": "The shop"})).json()
    gone = (await shop.call("PATCH", path, json={"rate_limit_per_second": None})).json()

    limits = [one["rate_limit_per_second"] for one in (made, changed, kept, gone)]
    assert limits == [5, 1000, 1000, None]


async def test_an_imported_secret_is_stored_sealed(api: Api, shop: Caller) -> None:
    made = await add(shop, secret="2e55b9a3-4dd1-4416-9897-c4bd1e3d738f")

    shown = (await shop.get(f"/v1/endpoints/{made['id']}/secret")).json()

    assert shown == {
        "secret": "2e55b9a3-4dd1-4416-9897-c4bd1e3d738f",
        "standard_secret": "whsec_MmU1NWI5YTMtNGRkMS00NDE2LTk4OTctYzRiZDFlM2Q3Mzhm",
        "previous": None,
    }
    kept = await api.database.serving.fetchval("select secret from endpoint")
    assert b"2e55b9a3" not in kept


@pytest.mark.parametrize(
    ("body", "fields", "code"),
    [
        ({}, ["url"], "invalid_request"),
        ({"url": 3}, ["url"], "invalid_request"),
        ({"url": "ftp://127.0.0.1/"}, ["url"], "invalid_request"),
        ({"url": "http://10.0.0.1/"}, ["url"], "invalid_request"),
        ({"url": "http://169.254.169.254/"}, ["url"], "invalid_request"),
        ({"url": "http://127.0.0.1:22/"}, ["url"], "invalid_request"),
        ({"url": URL, "description": "x" * 201}, ["description"], "invalid_request"),
        ({"url": URL, "description": "a\nb"}, ["description"], "invalid_request"),
        ({"url": URL, "version": "V5"}, ["version"], "invalid_request"),
        ({"url": URL, "trigger": "never"}, ["trigger"], "invalid_request"),
        ({"url": URL, "ordering": "newest"}, ["ordering"], "invalid_request"),
        ({"url": URL, "rate_limit_per_second": 0}, ["rate_limit_per_second"], "invalid_request"),
        ({"url": URL, "rate_limit_per_second": 1001}, ["rate_limit_per_second"], "invalid_request"),
        ({"url": URL, "rate_limit_per_second": 2.5}, ["rate_limit_per_second"], "invalid_request"),
        ({"url": URL, "rate_limit_per_second": "5"}, ["rate_limit_per_second"], "invalid_request"),
        ({"url": URL, "headers": {"X-Shop": "a", "x-shop": "b"}}, ["headers.x-shop"], "invalid_request"),
        ({"url": URL, "headers": {"host": "a"}}, ["headers.host"], "invalid_request"),
        ({"url": URL, "headers": {"x-shop": 1}}, ["headers[]"], "invalid_request"),
        ({"url": URL, "statuses": []}, ["statuses"], "invalid_request"),
        ({"url": URL, "statuses": ["delivered"] * 9}, ["statuses"], "invalid_request"),
        ({"url": URL, "statuses": "some"}, ["statuses"], "invalid_request"),
        ({"url": URL, "statuses": ["delivered", "pending"]}, ["statuses[1]"], "invalid_request"),
        ({"url": URL, "statuses": ["delivered", "delivered"]}, ["statuses[1]"], "invalid_request"),
        ({"url": URL, "statuses": ["delivered", 1]}, ["statuses[1]"], "invalid_request"),
        ({"url": URL, "secret": "short"}, ["secret"], "invalid_request"),
        ({"url": URL, "enabled": False}, ["enabled"], "invalid_request"),
        ({"url": "x", "version": "V9", "ordering": "newest"}, ["url", "version", "ordering"], "invalid_request"),
    ],
)
async def test_invalid_fields_are_named_and_nothing_is_created(
    api: Api, shop: Caller, body: dict[str, object], fields: list[str], code: str
) -> None:
    answer = await shop.post("/v1/endpoints", body)

    assert (answer.status_code, fields_of(answer), answer.json()["code"]) == (422, fields, code)
    assert await api.database.serving.fetchval("select count(*) from endpoint") == 0


async def test_a_fifth_endpoint_is_rejected_even_with_concurrent_requests(api: Api, shop: Caller) -> None:
    for _ in range(3):
        await add(shop)

    answers = await asyncio.gather(*[shop.post("/v1/endpoints", {"url": f"{URL}{n}"}) for n in range(6)])

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert {answer.json().get("code") for answer in answers} == {None, "endpoint_limit"}
    assert await api.database.serving.fetchval("select count(*) from endpoint") == 4


async def test_deleting_an_endpoint_makes_room(shop: Caller) -> None:
    made = [await add(shop) for _ in range(4)]

    gone = await shop.call("DELETE", f"/v1/endpoints/{made[0]['id']}")

    assert (gone.status_code, gone.content) == (204, b"")
    assert (await shop.get(f"/v1/endpoints/{made[0]['id']}")).status_code == 404
    await add(shop)


async def test_a_change_affects_only_the_given_fields(shop: Caller) -> None:
    made = await add(shop, description="Old", statuses=["delivered"])

    answer = await shop.call("PATCH", f"/v1/endpoints/{made['id']}", json={"description": "New"})

    changed = answer.json()
    assert (changed["description"], changed["statuses"], changed["url"]) == ("New", ["delivered"], URL)
    assert changed["updated_at"] >= made["updated_at"]


async def test_a_partly_invalid_change_changes_nothing(shop: Caller) -> None:
    made = await add(shop, description="Old")

    answer = await shop.call(
        "PATCH", f"/v1/endpoints/{made['id']}", json={"description": "New", "url": "nonsense", "version": "V1"}
    )

    assert (answer.status_code, fields_of(answer)) == (422, ["url", "version"])
    assert (await shop.get(f"/v1/endpoints/{made['id']}")).json()["description"] == "Old"


async def test_the_list_is_newest_first_in_pages_without_gaps(shop: Caller) -> None:
    made = [(await add(shop))["id"] for _ in range(3)]

    first = (await shop.get("/v1/endpoints?limit=2")).json()
    second = (await shop.get(f"/v1/endpoints?limit=2&cursor={first['next_cursor']}")).json()

    assert sorted(one["id"] for one in first["items"] + second["items"]) == sorted(made)
    assert [one["id"] for one in first["items"]] == sorted((one["id"] for one in first["items"]), reverse=True)
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=dlv_1", "page=2", "limit=1&limit=2", "x" * 5_000 + "=1"],
)
async def test_invalid_page_parameters_are_rejected(shop: Caller, query: str) -> None:
    answer = await shop.get(f"/v1/endpoints?{query}")

    assert (answer.status_code, fields_of(answer)) == (422, [query.split("=", maxsplit=1)[0][:100]])


async def test_too_many_parameters_are_rejected(shop: Caller) -> None:
    answer = await shop.get("/v1/endpoints?" + "&".join(f"p{number}=1" for number in range(200)))

    assert answer.status_code == 422


async def waiting(api: Api, endpoint: str) -> int:
    count: int = await api.database.serving.fetchval("select count(*) from due where endpoint = $1", UUID(endpoint[3:]))
    return count


@pytest.mark.parametrize("way", ["disable", "delete"])
async def test_disabling_or_deleting_cancels_waiting_deliveries_of_that_endpoint_only(
    api: Api, shop: Caller, way: str
) -> None:
    off, on = (await add(shop))["id"], (await add(shop))["id"]
    await report(shop, *[f"A{number}" for number in range(600)])

    if way == "delete":
        await shop.call("DELETE", f"/v1/endpoints/{off}")
    else:
        await shop.post(f"/v1/endpoints/{off}/disable")

    assert (await waiting(api, off), await waiting(api, on)) == (0, 600)
    rows = await api.database.serving.fetch("select state, reason, count(*) from settled group by 1, 2")
    assert [tuple(row) for row in rows] == [("cancelled", "endpoint_off", 600)]


async def test_a_disabled_endpoint_gets_nothing_and_shows_who_disabled_it(api: Api, shop: Caller) -> None:
    made = (await add(shop))["id"]

    off = (await shop.post(f"/v1/endpoints/{made}/disable")).json()
    await report(shop, "A1")
    on = (await shop.post(f"/v1/endpoints/{made}/enable")).json()

    assert (off["enabled"], off["disabled_reason"]) == (False, "user")
    assert (on["enabled"], on["disabled_reason"]) == (True, None)
    assert await waiting(api, made) == 0


async def test_enabling_or_disabling_twice_changes_nothing(shop: Caller) -> None:
    made = (await add(shop))["id"]

    first = (await shop.post(f"/v1/endpoints/{made}/disable")).json()
    second = (await shop.post(f"/v1/endpoints/{made}/disable")).json()

    assert first == second


async def test_health_shows_the_recent_results(api: Api, shop: Caller) -> None:
    made = (await add(shop))["id"]
    insert = (
        "insert into endpoint_health (endpoint, failing_since, last_error, last_success_at) values ($1, {}, {}, now())"
    )
    endpoint = UUID(made[3:])

    await api.database.serving.execute(insert.format("null", "'timed_out'"), endpoint)
    well = (await shop.get(f"/v1/endpoints/{made}")).json()
    await api.database.serving.execute("update endpoint_health set failing_since = now()")
    ill = (await shop.get(f"/v1/endpoints/{made}")).json()

    assert (well["health"], well["failing_since"], well["last_error"]) == ("ok", None, "timed_out")
    assert ill["health"] == "failing"
    assert TIME.fullmatch(ill["failing_since"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("GET", "/secret"),
    ],
)
async def test_endpoints_of_other_accounts_do_not_exist(api: Api, shop: Caller, method: str, path: str) -> None:
    other = await api.caller()
    theirs = (await add(other))["id"]
    absent = f"ep_{'0' * 12}7{'0' * 19}"
    body = {"json": {"description": "mine"}} if method == "PATCH" else {}

    to_theirs = await shop.call(method, f"/v1/endpoints/{theirs}{path}", **body)
    to_absent = await shop.call(method, f"/v1/endpoints/{absent}{path}", **body)
    to_nonsense = await shop.call(method, f"/v1/endpoints/nonsense{path}", **body)

    assert to_theirs.status_code == 404
    assert to_theirs.content == to_absent.content == to_nonsense.content
    unchanged = (await other.get(f"/v1/endpoints/{theirs}")).json()
    assert (unchanged["enabled"], unchanged["description"]) == (True, "")
    assert (await shop.get("/v1/endpoints")).json()["items"] == []


@pytest.mark.parametrize("version", ["V2", "V3", "V4"])
async def test_version_trigger_and_custom_headers_are_stored_and_shown(shop: Caller, version: str) -> None:
    made = await add(shop, version=version, trigger="status_change", headers={"X-Shop": "a b", "authorization": "k"})

    changed = await shop.call("PATCH", f"/v1/endpoints/{made['id']}", json={"headers": {"x-new": "1"}})

    assert (made["version"], made["trigger"]) == (version, "status_change")
    assert made["headers"] == {"x-shop": "a b", "authorization": "k"}
    assert changed.json() == {
        **{name: made[name] for name in KEYS},
        "headers": {"x-new": "1"},
        "updated_at": changed.json()["updated_at"],
    }


async def test_custom_headers_are_sealed_in_the_database(api: Api, shop: Caller) -> None:
    await add(shop, headers={"authorization": "Basic c2hvcDpzZWNyZXQ="})

    assert b"Basic" not in await api.database.serving.fetchval("select headers from endpoint")


async def test_a_rotation_keeps_the_previous_secret_until_the_overlap_ends(shop: Caller) -> None:
    made = await add(shop)
    path = f"/v1/endpoints/{made['id']}"

    rotated = (await shop.post(f"{path}/rotate-secret", {"overlap_seconds": 600})).json()
    shown = (await shop.get(f"{path}/secret")).json()
    ended = (await shop.post(f"{path}/end-rotation")).json()

    assert rotated["secret"] != made["secret"]
    assert rotated["previous"]["secret"] == made["secret"]
    assert TIME.fullmatch(rotated["previous"]["until"])
    assert shown == rotated
    assert ended == {**rotated, "previous": None}
    assert (await shop.get(f"{path}/secret")).json() == ended


async def test_a_rotation_works_without_an_overlap_or_a_body(shop: Caller) -> None:
    made = await add(shop)
    path = f"/v1/endpoints/{made['id']}/rotate-secret"

    at_once = (await shop.post(path, {"secret": "my-own-secret-000", "overlap_seconds": 0})).json()
    by_default = (await shop.call("POST", path)).json()

    assert (at_once["secret"], at_once["previous"]) == ("my-own-secret-000", None)
    assert by_default["secret"].startswith("whsec_")
    assert by_default["previous"]["secret"] == "my-own-secret-000"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"secret": "short"}, ["secret"]),
        ({"overlap_seconds": -1}, ["overlap_seconds"]),
        ({"overlap_seconds": 604_801}, ["overlap_seconds"]),
        ({"overlap_seconds": "1"}, ["overlap_seconds"]),
        ({"secret": "short", "overlap_seconds": -1}, ["secret", "overlap_seconds"]),
        ({"keep": True}, ["keep"]),
    ],
)
async def test_an_invalid_rotation_changes_nothing(shop: Caller, body: dict[str, object], fields: list[str]) -> None:
    made = await add(shop)

    answer = await shop.post(f"/v1/endpoints/{made['id']}/rotate-secret", body)

    assert (answer.status_code, fields_of(answer)) == (422, fields)
    shown = (await shop.get(f"/v1/endpoints/{made['id']}/secret")).json()
    assert (shown["secret"], shown["previous"]) == (made["secret"], None)


async def test_a_test_not_sent_in_time_is_answered_with_its_delivery(api: Api, shop: Caller) -> None:
    made = await add(shop)

    answer = await shop.post(f"/v1/endpoints/{made['id']}/test", {"status": "delivered"})

    delivery = answer.json()
    assert answer.status_code == 202
    assert (delivery["test"], delivery["state"], delivery["attempts"]) == (True, "waiting", [])
    assert (delivery["status"], delivery["substatus"], delivery["courier_code"]) == (
        "delivered",
        "delivered003",
        "usps",
    )
    assert UUID(int=0) in api.hinted
    listed = (await shop.get("/v1/deliveries?test=true")).json()["items"]
    assert [one["id"] for one in listed] == [delivery["id"]]
    assert (await shop.get("/v1/deliveries?test=false")).json()["items"] == []
    assert [one["id"] for one in (await shop.get("/v1/deliveries?status=delivered")).json()["items"]] == [
        delivery["id"]
    ]
    assert (await shop.get("/v1/deliveries?test=true&tracking_number=A1")).json()["items"] == []


@pytest.mark.parametrize("status", ["pending", "", "DELIVERED", 3])
async def test_a_test_with_an_unknown_status_is_rejected(api: Api, shop: Caller, status: object) -> None:
    made = await add(shop)

    answer = await shop.post(f"/v1/endpoints/{made['id']}/test", {"status": status})

    assert (answer.status_code, fields_of(answer)) == (422, ["status"])
    assert await api.database.serving.fetchval("select count(*) from due") == 0


@pytest.mark.parametrize("call", ["test", "rotate-secret", "end-rotation", "enable", "disable"])
async def test_endpoints_of_other_accounts_cannot_be_tested_or_rotated(api: Api, shop: Caller, call: str) -> None:
    made = await add(shop)
    other = await api.caller()

    answer = await other.post(f"/v1/endpoints/{made['id']}/{call}", {"status": "delivered"} if call == "test" else {})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
