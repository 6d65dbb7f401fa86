"""The settings of an endpoint for times of failure."""

from tests.flow.test_api_endpoints import add
from tests.support.api import Api, Caller


async def test_how_long_an_endpoint_may_fail_and_what_happens_then_are_chosen(shop: Caller) -> None:
    made = await add(shop, recover_automatically=True)
    path = f"/v1/endpoints/{made['id']}"

    never = (await shop.call("PATCH", path, json={"disable_after_days": None})).json()
    kept = (await shop.call("PATCH", path, json={"description": "The shop", "recover_automatically": False})).json()
    refused = await shop.call("PATCH", path, json={"disable_after_days": 31})

    chosen = [(one["disable_after_days"], one["recover_automatically"]) for one in (made, never, kept)]
    assert chosen == [(7, True), (None, True), (None, False)]
    assert (refused.status_code, refused.json()["errors"]) == (
        422,
        [{"field": "disable_after_days", "message": "must be from 1 to 30, or null for never"}],
    )


async def test_a_person_can_disable_for_good_what_waypost_disabled_and_enable_it_again(api: Api, shop: Caller) -> None:
    made = await add(shop)
    path = f"/v1/endpoints/{made['id']}"
    await api.database.serving.execute(
        "update endpoint set enabled = false, disabled_reason = 'failing', off_since = now() - interval '1 hour'"
    )
    off_since = await api.database.serving.fetchval("select off_since from endpoint")

    kept = (await shop.post(f"{path}/disable", {})).json()
    since = await api.database.serving.fetchval("select off_since from endpoint")
    enabled = (await shop.post(f"{path}/enable", {})).json()

    assert (kept["enabled"], kept["disabled_reason"], since) == (False, "user", off_since)
    assert (enabled["enabled"], enabled["disabled_reason"]) == (True, None)
    row = await api.database.serving.fetchrow("select off_since, enabled_at from endpoint")
    assert (row["off_since"], row["enabled_at"] > off_since) == (None, True)
