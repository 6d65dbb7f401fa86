"""Accounts never see each other: every operation answers as if another account's objects did not exist."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api, Caller
from tests.support.pushing import connect
from waypost.api.openapi.document import OPERATIONS
from waypost.domain.incidents import Kind, NewIncident, Trouble
from waypost.store import incident_changes
from waypost.store.database import Database

NOBODYS = UUID("019a0000-0000-7000-8000-000000000001").hex
BODIES: dict[str, object] = {
    "PUT /v4/trackings/update/{tracking_id}": {"note": "x"},
    "DELETE /v4/trackings/delete/{tracking_id}": None,
    "POST /v4/trackings/retrack/{tracking_id}": None,
    "GET /v1/trackings/{tracking_id}": None,
    "POST /v1/trackings/{tracking_id}/refresh": None,
    "GET /v1/endpoints/{endpoint_id}": None,
    "PATCH /v1/endpoints/{endpoint_id}": {"description": "x"},
    "DELETE /v1/endpoints/{endpoint_id}": None,
    "POST /v1/endpoints/{endpoint_id}/enable": None,
    "POST /v1/endpoints/{endpoint_id}/disable": None,
    "POST /v1/endpoints/{endpoint_id}/test": {"status": "delivered"},
    "GET /v1/endpoints/{endpoint_id}/secret": None,
    "POST /v1/endpoints/{endpoint_id}/rotate-secret": None,
    "POST /v1/endpoints/{endpoint_id}/end-rotation": None,
    "GET /v1/endpoints/{endpoint_id}/stats": None,
    "GET /v1/deliveries/{delivery_id}": None,
    "POST /v1/deliveries/{delivery_id}/resend": None,
    "POST /v1/deliveries/{delivery_id}/cancel": None,
    "GET /v1/recoveries/{recovery_id}": None,
    "POST /v1/recoveries/{recovery_id}/stop": None,
    "GET /v1/connections/{connection_id}": None,
    "PATCH /v1/connections/{connection_id}": {"enabled": False},
    "DELETE /v1/connections/{connection_id}": None,
    "POST /v1/connections/{connection_id}/test": None,
    "GET /v1/connections/{connection_id}/pushes": None,
    "POST /v1/connections/{connection_id}/read-again": None,
    "POST /v1/connections/{connection_id}/address": {"at_once": True},
    "GET /v1/alert-channels/{channel_id}": None,
    "PATCH /v1/alert-channels/{channel_id}": {"enabled": False},
    "DELETE /v1/alert-channels/{channel_id}": None,
    "POST /v1/alert-channels/{channel_id}/test": None,
}
"""Operations with an id, and their bodies."""

LISTS = {
    "GET /v4/trackings/get": ("", "tracking_numbers=A1", "courier_code=dhl", "delivery_status=transit"),
    "GET /v1/endpoints": ("", "cursor={endpoint_id}"),
    "GET /v1/deliveries": ("", "endpoint={endpoint_id}", "tracking_number=A1", "cursor={delivery_id}"),
    "GET /v1/recoveries": ("", "cursor={recovery_id}"),
    "GET /v1/events": ("",),
    "GET /v1/incidents": ("",),
    "GET /v1/alert-channels": ("",),
    "GET /v1/alerts": ("",),
    "GET /v1/connections": ("",),
}
"""Lists of an account's objects, and how another account's could be requested."""

OTHERS = {
    "POST /v4/trackings/create",
    "POST /v4/trackings/batch",
    "POST /v4/awb",
    "GET /v4/couriers/all",
    "POST /v4/couriers/detect",
    "POST /v1/updates",
    "POST /v1/endpoints",
    "POST /v1/connections",
    "POST /v1/alert-channels",
    "POST /v1/recoveries",  # names an endpoint in its body: tests/flow/test_recoveries.py
    "GET /v1/outgoing-ips",
    "GET /schemas/webhook-v2.json",
    "GET /schemas/webhook-v3.json",
    "GET /schemas/webhook-v4.json",
    "GET /health/ready",
    "GET /metrics",
}
"""Operations without ids: they create something for the caller, or are public."""


@dataclass
class Theirs:
    """What another account has, and the account that asks for it."""

    asking: Caller
    owner: Caller
    ids: dict[str, str]


@pytest.fixture
async def theirs(api: Api, shop: Caller) -> Theirs:
    owner = await api.caller()
    endpoint = await owner.post("/v1/endpoints", {"url": "http://127.0.0.1/"})
    scan = {"checkpoint_date": "2026-03-02T08:15:00", "tracking_detail": "On its way to you"}
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": [scan]}
    reported = (await owner.post("/v1/updates", {"updates": [update]})).json()["results"][0]
    (delivery,) = (await owner.get("/v1/deliveries")).json()["items"]
    wanted = {"endpoint_id": endpoint.json()["id"], "since": "2026-01-01T00:00:00Z", "only": "all"}
    recovery = await owner.post("/v1/recoveries", wanted)
    pusher = await connect(api, owner)
    target = {"url": "http://127.0.0.1/"}
    channel = await owner.post("/v1/alert-channels", {"service": "webhook", "target": target})
    trouble = Trouble(owner.account, Kind.ENDPOINT_FAILING, endpoint.json()["id"], "It fails.")
    async with api.database.serving.acquire() as session:
        await incident_changes.write_changes(session, [NewIncident(trouble)])
    ids = {
        "tracking_id": reported["tracking_id"],
        "endpoint_id": endpoint.json()["id"],
        "delivery_id": delivery["id"],
        "recovery_id": recovery.json()["id"],
        "connection_id": pusher.connection["id"],
        "channel_id": channel.json()["id"],
    }
    return Theirs(shop, owner, ids)


def test_every_operation_is_covered_here() -> None:
    """Whoever adds one says which of these it is, so that it is asked for what is another's."""
    known = [*BODIES, *LISTS, *OTHERS]

    assert sorted(known) == sorted(f"{one.method.upper()} {one.path}" for one in OPERATIONS)
    assert [name for name in known if "{" in name] == list(BODIES)


async def everything(database: Database) -> list[Any]:
    """Return all rows that an account could have changed."""
    tables = "tracking endpoint due watch event recovery connection inbound_token alert_channel alert"
    return [await database.serving.fetch(f"select * from {table} order by 1, 2, 3") for table in tables.split()]  # noqa: S608 - names of ours


async def test_other_accounts_objects_are_answered_like_missing_ones_and_stay_unchanged(
    theirs: Theirs, database: Database
) -> None:
    nobodys = {name: text[:-32] + NOBODYS for name, text in theirs.ids.items()}
    before = await everything(database)

    for name, body in BODIES.items():
        method, path = name.split()
        content = {} if body is None else {"json": body}
        answers = [await theirs.asking.call(method, path.format(**ids), **content) for ids in (theirs.ids, nobodys)]

        anothers, absent = answers
        assert anothers.status_code == (400 if path.startswith("/v4/") else 404), name
        assert (anothers.status_code, anothers.content) == (absent.status_code, absent.content), name
        assert anothers.headers == absent.headers, name

    assert await everything(database) == before


async def test_no_list_shows_objects_of_other_accounts(theirs: Theirs) -> None:
    for name, queries in LISTS.items():
        path = name.split()[1]
        for query in queries:
            answer = await theirs.asking.get(f"{path}?{query.format(**theirs.ids)}")

            assert answer.status_code == 200, (name, query)
            assert answer.json().get("items", answer.json().get("data")) == [], (name, query)
        assert (await theirs.owner.get(path)).json().get("items", [1]), name
