"""Keys of an account: created, listed, used, revoked."""

from typing import Any

import pytest

from tests.support.api import Api, Caller
from waypost.actions import api_keys as actions
from waypost.actions.actor import operator
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain.api_keys import digest_of, is_key
from waypost.store import api_key_changes, api_keys
from waypost.store.api_keys import MOST_LIVE, KeyRow


async def rows(api: Api, shop: Caller) -> list[KeyRow]:
    async with api.database.serving.acquire() as session:
        return await api_keys.of_account(session, shop.account)


async def add(api: Api, shop: Caller, **given: Any) -> Any:
    wanted: dict[str, Any] = {"name": "A", "scopes": ["read"], "days": None, **given}
    return await actions.add(api.parts, operator(shop.account), **wanted)


async def use(shop: Caller, text: str) -> int:
    answer = await shop.client.get("/v1/endpoints", headers={"tracking-api-key": text})
    return int(answer.status_code)


async def test_a_key_works_at_once_and_only_its_prefix_is_stored(api: Api, shop: Caller) -> None:
    key, text = await add(api, shop, name=" Orders ")

    status = await use(shop, text)

    assert is_key(text)
    assert status == 200
    [row] = [row for row in await rows(api, shop) if row.id == key]
    assert (row.name, row.prefix, row.scopes, row.expires_at) == ("Orders", text[:12], ["read"], None)
    assert row.last_used_at is not None
    kept = await api.database.serving.fetchval("select string_agg(k::text, ' ') from api_key k")
    assert text[12:] not in kept


async def test_a_key_can_do_exactly_what_its_scopes_allow(api: Api, shop: Caller) -> None:
    _, text = await add(api, shop, scopes=["updates"])

    assert await use(shop, text) == 403


async def test_the_use_of_a_key_is_recorded_once_a_minute(api: Api, shop: Caller) -> None:
    _, text = await add(api, shop)
    async with api.database.serving.acquire() as session:
        await api_key_changes.use_key(session, digest_of(text))
        await session.execute("update api_key_use set last_used_at = last_used_at - interval '50 seconds'")
        before = await session.fetchval("select last_used_at from api_key_use")
        await api_key_changes.use_key(session, digest_of(text))
        same = await session.fetchval("select last_used_at from api_key_use")
        await session.execute("update api_key_use set last_used_at = last_used_at - interval '20 seconds'")
        await api_key_changes.use_key(session, digest_of(text))
        after = await session.fetchval("select last_used_at from api_key_use")

    assert before == same < after


async def test_revoked_and_expired_keys_stop_working_and_stay_in_the_list(api: Api, shop: Caller) -> None:
    revoked, first = await add(api, shop)
    _, second = await add(api, shop, days=1)
    async with api.database.serving.acquire() as session:
        assert await api_key_changes.mark_revoked(session, shop.account, revoked)
        assert not await api_key_changes.mark_revoked(session, shop.account, revoked)
        await session.execute("update api_key set expires_at = now() where expires_at is not null")

    assert [await use(shop, text) for text in (first, second)] == [401, 401]
    assert len(await rows(api, shop)) == 3  # and the caller's own


async def test_keys_of_other_accounts_cannot_be_revoked(api: Api, shop: Caller) -> None:
    key, text = await add(api, shop)
    other = await api.caller()
    async with api.database.serving.acquire() as session:
        assert not await api_key_changes.mark_revoked(session, other.account, key)

    assert await use(shop, text) == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [
        *(
            ({"name": " "}, "name"),
            ({"name": "a\0"}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["all"]}, "scopes"),
        ),
        *(({"days": 0}, "days"), ({"days": 3_651}, "days")),
    ],
)
async def test_invalid_fields_are_named_and_no_key_is_created(
    api: Api, shop: Caller, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await add(api, shop, **given)

    assert [fault.field for fault in caught.value.faults] == [field]
    assert len(await rows(api, shop)) == 1


async def test_active_keys_are_limited_and_revoking_one_makes_room(api: Api, shop: Caller) -> None:
    made = [await add(api, shop) for _ in range(MOST_LIVE - 1)]

    with pytest.raises(Conflict) as caught:
        await add(api, shop)

    assert caught.value.code == "api_key_limit"
    async with api.database.serving.acquire() as session:
        await api_key_changes.mark_revoked(session, shop.account, made[0][0])
    await add(api, shop)
