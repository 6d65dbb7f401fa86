"""Quotas of an account: requests over a quota are rejected, everything else continues."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flow.test_intake import reporting, scan
from tests.support.api import Api, Caller, serving_api
from waypost.domain.quotas import UNLIMITED, Quota, Usage, reached
from waypost.intake.batch import write
from waypost.keeper.keeper import Keeper
from waypost.store import quota_changes, quotas
from waypost.store.database import Database
from waypost.store.statements import transaction

SCAN = {"checkpoint_date": "2026-07-01T08:00:00", "tracking_detail": "Departed"}


@pytest.fixture
async def bounded(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database, quota=Quota(parcels=2, updates_per_day=5)) as api:
        yield api


async def create(shop: Caller, number: str) -> Any:
    return await shop.post("/v4/trackings/create", {"tracking_number": number, "courier_code": "dhl"})


async def report(shop: Caller, *numbers: str, detail: str = "Departed", **headers: str) -> Any:
    told = {"courier_code": "dhl", "create": True, "checkpoints": [SCAN | {"tracking_detail": detail}]}
    updates = [{"tracking_number": number, **told} for number in numbers]
    return await shop.post("/v1/updates", {"updates": updates}, headers=headers)


async def test_a_parcel_over_the_quota_is_4190_and_each_account_has_its_own_quota(bounded: Api) -> None:
    shop, other = await bounded.caller(), await bounded.caller()
    for number in ("A1", "A2"):
        assert (await create(shop, number)).status_code == 200

    refused = await create(shop, "A3")

    assert (refused.status_code, refused.json()["meta"]["code"], refused.json()["data"]) == (400, 4190, None)
    assert (await create(other, "A3")).status_code == 200


async def test_updates_of_known_parcels_are_accepted_when_the_parcel_quota_is_used(bounded: Api) -> None:
    shop = await bounded.caller()
    await report(shop, "A1", "A2")

    answer = (await report(shop, "A1", "A3", detail="Arrived")).json()

    assert [one["error"] and one["error"]["code"] for one in answer["results"]] == [None, "quota_reached"]
    assert answer["changed"] == 1


async def test_a_repeated_call_gets_its_stored_response_although_the_quota_is_used(bounded: Api) -> None:
    shop = await bounded.caller()
    first = await report(shop, "A1", "A2", **{"idempotency-key": "first"})
    for hour in range(2):
        await report(shop, "A1", "A2", detail=f"Scan {hour}")

    again = await report(shop, "A1", "A2", **{"idempotency-key": "first"})
    another = await report(shop, "A1", "A2", detail="Other", **{"idempotency-key": "first"})

    assert (again.status_code, again.content) == (200, first.content)
    assert another.status_code == 409


async def test_updates_over_the_daily_quota_are_409_and_change_nothing(bounded: Api) -> None:
    shop = await bounded.caller()
    for hour in range(2):
        await report(shop, "A1", "A2", detail=f"Scan {hour}")

    refused = await report(shop, "A1", "A2", detail="One too many")

    assert (refused.status_code, refused.json()["code"]) == (409, "quota_reached")
    assert "5 updates a day" in refused.json()["detail"]
    assert await bounded.database.serving.fetchval("select count(*) from event") == 4
    assert (await report(shop, "A1", detail="The fifth")).status_code == 200


async def test_counts_of_other_processes_are_seen_and_a_new_day_starts_at_zero(database: Database) -> None:
    async with serving_api(database) as api:
        account = (await api.caller()).account
        async with database.serving.acquire() as session:
            await quota_changes.count_updates(session, account, 3)
            await quota_changes.count_updates(session, account, 4)
            assert (await quotas.find(session, account))[1].updates_today == 7
            await session.execute("update account_usage set day = day - 1")

            assert (await quotas.find(session, account))[1].updates_today == 0
            await quota_changes.count_updates(session, account, 2)
            assert (await quotas.find(session, account))[1].updates_today == 2


async def test_the_keeper_measures_the_accounts_that_have_quotas(database: Database) -> None:
    async with serving_api(database) as api:
        shop, other = await api.caller(), await api.caller()
        for one in (shop, other):
            async with database.engine.acquire() as session, transaction(session):
                await write(session, [reporting(one.account, f"A{n}", scan(8), scan(9)) for n in range(7)], frozenset())
        keeper = Keeper(database, api.parts.intake, history_days=30)
        async with database.serving.acquire() as session:
            await quota_changes.update_quota(session, shop.account, Quota(parcels=10))
            await keeper.measure(session)

            used = (await quotas.find(session, shop.account))[1]
            assert used.parcels == 7
            assert used.disk_bytes > 7 * quota_changes.ROW_BYTES
            assert (await quotas.find(session, other.account))[1] == Usage()


async def test_a_used_up_disk_quota_rejects_parcels_and_updates(database: Database) -> None:
    async with serving_api(database, quota=Quota(disk_bytes=1000)) as api:
        shop = await api.caller()
        await report(shop, "A1")
        async with database.serving.acquire() as session:
            await session.execute("insert into account_usage (account, disk_bytes) values ($1, 1000)", shop.account)
    async with serving_api(database, quota=Quota(disk_bytes=1000)) as api:
        shop.client = api.client

        assert (await create(shop, "A2")).json()["meta"]["code"] == 4190
        assert (await report(shop, "A1")).json()["code"] == "quota_reached"


async def test_an_accounts_own_quota_overrides_the_installations(bounded: Api) -> None:
    shop = await bounded.caller()
    async with bounded.database.serving.acquire() as session:
        await quota_changes.update_quota(session, shop.account, Quota(parcels=UNLIMITED))

    answers = [(await create(shop, f"A{number}")).status_code for number in range(3)]

    assert answers == [200, 200, 200]


def test_an_unset_quota_limits_nothing() -> None:
    used = Usage(parcels=10**9, updates_today=10**9, disk_bytes=10**12)

    assert reached(Quota(), used, parcels=1, updates=1) is None
    assert reached(Quota(parcels=1), used, updates=1) is None
