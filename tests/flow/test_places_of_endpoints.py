"""Endpoints are distributed among dispatchers by their place in the group of their account."""

from tests.support.api import Api, Caller
from waypost.domain import ids


async def add(shop: Caller) -> tuple[str, int, int]:
    made = (await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/hook", "allow_duplicate": True})).json()["id"]
    identifier = ids.from_text(ids.ENDPOINT, made)
    assert identifier is not None
    return made, *ids.group_of(identifier)


async def test_each_endpoint_of_an_account_has_its_own_place(api: Api, shop: Caller) -> None:
    added = [await add(shop) for _ in range(4)]
    await shop.call("DELETE", f"/v1/endpoints/{added[1][0]}")
    added.append(await add(shop))

    assert [place for _, _, place in added] == [0, 1, 2, 3, 1]
    assert len({group for _, group, _ in added}) == 1
    assert await api.database.serving.fetchval("select count(*) from endpoint where deleted_at is null") == 4
