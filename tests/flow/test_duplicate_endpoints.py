"""Endpoints that would get the same events twice, and equivalent URLs."""

import pytest

from tests.support.api import Api, Caller

URL = "http://127.0.0.1/hook"


async def add(shop: Caller, **fields: object) -> dict[str, str]:
    answer = await shop.post("/v1/endpoints", {"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


@pytest.mark.parametrize(
    ("another", "status"),
    [
        ({}, 409),
        ({"url": "HTTP://127.0.0.1:80/hook"}, 409),
        ({"statuses": ["delivered", "transit"]}, 409),
        ({"allow_duplicate": True}, 201),
        ({"statuses": ["transit"]}, 201),
        ({"version": "V3"}, 201),
        ({"url": f"{URL}/2"}, 201),
    ],
)
async def test_a_duplicate_endpoint_is_rejected_unless_allowed(
    api: Api, shop: Caller, another: dict[str, object], status: int
) -> None:
    first = await add(shop, statuses=["delivered"])
    other = await api.caller()

    answer = await shop.post("/v1/endpoints", {"url": URL, **another})

    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "endpoint_exists"
        assert first["id"] in answer.json()["detail"]
        assert "allow_duplicate" in answer.json()["detail"]
    assert len((await shop.get("/v1/endpoints")).json()["items"]) == 1 + (status == 201)
    assert (await other.post("/v1/endpoints", {"url": URL})).status_code == 201


async def test_changes_cannot_create_duplicates_but_existing_ones_stay(shop: Caller) -> None:
    one, other = await add(shop), await add(shop, url=f"{URL}/2")
    path = f"/v1/endpoints/{other['id']}"

    refused = await shop.call("PATCH", path, json={"url": URL})
    wanted = await shop.call("PATCH", path, json={"url": URL, "allow_duplicate": True})
    later = await shop.call("PATCH", path, json={"description": "The other", "url": URL})

    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_exists")
    assert one["id"] in refused.json()["detail"]
    assert (wanted.status_code, later.status_code) == (200, 200)


async def test_a_unicode_host_is_stored_in_its_ascii_form(shop: Caller) -> None:
    assert (await add(shop, url="https://München.example/hook"))["url"] == "https://xn--mnchen-3ya.example/hook"
