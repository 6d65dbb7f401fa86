"""/v1/trackings/{id} and its refresh."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api, Caller, serving_api
from waypost.store.database import Database


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database, connected=("dhl",)) as api:
        yield api


async def create(shop: Caller, courier: str = "dhl") -> dict[str, Any]:
    body = {"tracking_number": "A1", "courier_code": courier}
    data: dict[str, Any] = (await shop.post("/v4/trackings/create", body)).json()["data"]
    return data


async def test_a_parcel_is_the_v4_object_plus_v1_fields(api: Api, shop: Caller) -> None:
    made = await create(shop)
    scan = {"checkpoint_date": "2026-03-02T08:15:00", "tracking_detail": "Scanned"}
    await shop.post(
        "/v1/updates", {"updates": [{"tracking_number": "A1", "courier_code": "dhl", "checkpoints": [scan]}]}
    )
    await api.database.serving.execute(
        "update watch set last_polled_at = '2026-03-02 08:20:00.5+00', next_poll_at = null"
    )

    shown = (await shop.get(f"/v1/trackings/{made['id']}")).json()

    (of_v4,) = (await shop.get("/v4/trackings/get")).json()["data"]
    names = ("sequence", "tracking_link", "last_polled_at", "next_poll_at", "polling", "replaced_by")
    beside = {name: shown.pop(name) for name in names}
    assert shown == of_v4
    assert beside == {
        "sequence": 1,
        "tracking_link": api.parts.track_links.link(UUID(hex=made["id"])),
        "last_polled_at": "2026-03-02T08:20:00.500Z",
        "next_poll_at": None,
        "polling": {
            "asked": None,
            "outcome": None,
            "tried": [],
            "not_asked": "unconnected",
            "registered": [],
            "pushed_at": None,
        },
        "replaced_by": None,
    }


async def test_a_refresh_returns_when_the_carrier_is_polled(api: Api, shop: Caller) -> None:
    made = await create(shop)
    await api.database.serving.execute("update watch set next_poll_at = null")

    answer = await shop.post(f"/v1/trackings/{made['id']}/refresh")

    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert answer.json()["next_poll_at"] is not None


async def test_a_refresh_of_an_unpolled_parcel_says_why(shop: Caller) -> None:
    alone = await create(shop, courier="usps")
    put_away = await create(shop)
    await shop.call("PUT", f"/v4/trackings/update/{put_away['id']}", json={"archived_status": True})

    answers = [await shop.post(f"/v1/trackings/{made['id']}/refresh") for made in (alone, put_away)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "no_source"),
        (409, "archived"),
    ]


@pytest.mark.parametrize(("method", "below"), [("GET", ""), ("POST", "/refresh")])
async def test_parcels_of_other_accounts_and_unknown_ids_do_not_exist(
    api: Api, shop: Caller, method: str, below: str
) -> None:
    theirs = await create(await api.caller())

    answers = [
        await shop.call(method, f"/v1/trackings/{tracking}{below}") for tracking in (theirs["id"], "x", "0" * 32)
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}
