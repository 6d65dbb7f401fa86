"""Access to the API: keys, scopes, responses without them, and unknown paths."""

import asyncio
import re
from contextlib import AsyncExitStack

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from tests.support.api import Api, serving_api
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.actions.context import KeyContext
from waypost.api.keys import KeyRefused, Keys
from waypost.store.database import Database
from waypost.store.statements import SENT

OPEN = {
    "/health/ready",
    "/metrics",
    "/v1/outgoing-ips",
    "/openapi.json",
    "/schemas/webhook-v2.json",
    "/schemas/webhook-v3.json",
    "/schemas/webhook-v4.json",
}

PUSHES = "/inbound/{source}/{token}"
"""Its key is the token in the address."""


def routes(app: Litestar) -> set[tuple[str, str]]:
    known = [route for route in app.routes if isinstance(route, HTTPRoute)]
    return {(method, route.path_format) for route in known for method in route.methods if method != "OPTIONS"}


async def test_every_route_except_the_public_ones_requires_a_key(api: Api) -> None:
    asked = {(method, path) for method, path in routes(api.application) if path not in {*OPEN, PUSHES}}
    assert len(asked) >= 13

    for method, path in sorted(asked):
        answer = await api.client.request(method, re.sub(r"\{\w+\}", "x", path))

        assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_public_routes_require_no_key(api: Api, path: str) -> None:
    assert (await api.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"tracking-api-key": ""},
        {"tracking-api-key": "nonsense"},
        {"tracking-api-key": "wk_live_" + "0" * 39},
        {"authorization": "Basic eDp5"},
        {"authorization": "Bearer"},
        {"tracking-api-key": "wk_live_\u0660".encode().decode("latin-1")},
    ],
)
async def test_without_a_valid_key_nothing_is_answered(api: Api, headers: dict[str, str]) -> None:
    encoded = {name.encode(): text.encode("latin-1") for name, text in headers.items()}

    v1 = await api.client.get("/v1/endpoints", headers=encoded)
    v4 = await api.client.get("/v4/trackings/get", headers=encoded)

    assert (v1.status_code, v1.json()["code"], v1.headers["www-authenticate"]) == (401, "unauthorized", "Bearer")
    assert (v4.status_code, v4.json()["meta"]["code"], v4.json()["data"]) == (401, 401, None)


async def test_a_key_works_in_either_header(api: Api) -> None:
    shop = await api.caller()

    bearer = await api.client.get("/v1/endpoints", headers={"authorization": f"bearer {shop.key}"})

    assert bearer.status_code == (await shop.get("/v1/endpoints")).status_code == 200


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("read", {"list", "find"}), ("write", {"add", "secret", "create"}), ("updates", {"report"})],
)
async def test_a_key_can_do_what_its_scopes_allow(api: Api, scope: str, allowed: set[str]) -> None:
    shop = await api.caller(scopes=(scope,))
    owner = await api.caller()
    endpoint = (await owner.post("/v1/endpoints", {"url": "http://127.0.0.1/"})).json()["id"]

    answers = {
        "list": await shop.get("/v1/deliveries"),
        "find": await shop.get("/v4/trackings/get"),
        "add": await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/"}),
        "secret": await shop.get(f"/v1/endpoints/{endpoint}/secret"),
        "create": await shop.post("/v4/trackings/create", {"tracking_number": "A1", "courier_code": "dhl"}),
        "report": await shop.post("/v1/updates", {"updates": []}),
    }

    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed


async def test_a_revoked_or_expired_key_stops_working_when_its_cache_entry_expires(
    database: Database, api: Api
) -> None:
    shop = await api.caller()
    clock = [0.0]
    context = KeyContext(database=database, quotas=api.parts.quotas)
    keys = Keys(context, kept_seconds=5, clock=lambda: clock[0])
    headers = {"tracking-api-key": shop.key}
    await keys.caller(headers, scope="read")
    await database.serving.execute("update api_key set revoked_at = now()")

    clock[0] = 4.9
    still = await keys.caller(headers, scope="read")
    clock[0] = 5.1

    assert still.account == shop.account
    with pytest.raises(KeyRefused):
        await keys.caller(headers, scope="read")


async def test_calls_of_a_busy_client_never_wait_for_their_key_to_be_looked_up(database: Database, api: Api) -> None:
    shop = await api.caller()
    clock = [0.0]
    keys = Keys(KeyContext(database=database, quotas=api.parts.quotas), kept_seconds=5, clock=lambda: clock[0])
    headers = {"tracking-api-key": shop.key}
    await keys.caller(headers, scope="read")
    looks = SENT["use_key"]

    for clock[0] in (4.0, 8.0, 12.0, 16.0):
        async with AsyncExitStack() as busy:
            for _ in range(database.serving._allowance.most):
                await busy.enter_async_context(database.serving.acquire())
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                assert (await keys.caller(headers, scope="read")).account == shop.account
                assert (await keys.caller(headers, scope="read")).account == shop.account
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            await asyncio.gather(*keys._renewals.values())

    assert SENT["use_key"] - looks == 4  # once each, however many calls came meanwhile


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("PUT", "/v1/updates", 405, "method_not_allowed"),
        ("GET", "/v2/trackings/get", 404, "not_found"),
    ],
)
async def test_unknown_paths_are_answered_with_a_problem(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.client.request(method, path)

    assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert "POST" in answer.headers["allow"]


async def test_options_and_wrong_methods_list_every_method_of_the_path(api: Api) -> None:
    methods: dict[str, set[str]] = {}
    for method, path in routes(api.application):
        methods.setdefault(path, {"OPTIONS"}).add(method)

    for path, expected in methods.items():
        for method, status in (("OPTIONS", 204), ("TRACE", 405)):
            answer = await api.client.request(method, path)
            assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (status, expected), path


async def test_removed_versions_are_answered_with_a_hint(api: Api) -> None:
    assert "/v4" in (await api.client.get("/v3/trackings/get")).json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v4/nothing", 404), ("GET", "/v4/trackings/create", 405)]
)
async def test_errors_below_v4_have_the_envelope(api: Api, method: str, path: str, status: int) -> None:
    answer = await api.client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["meta"]["code"] == status
    assert list(answer.json()) == ["meta", "data"]
    assert answer.json()["data"] is None


async def test_a_server_that_is_not_ready_says_why(database: Database) -> None:
    async with serving_api(database, ready="The database does not answer.") as api:
        answer = await api.client.get("/health/ready")

    assert (answer.status_code, answer.json()["reason"]) == (503, "The database does not answer.")
