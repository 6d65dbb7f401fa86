"""The settings of an endpoint for times of failure."""

from tests.flow.test_api_endpoints import add
from tests.support.api import Caller


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
