"""Recoveries: the events they match, how they queue them, and that they do not overload anything."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.flow.test_api_deliveries import add as add_to
from tests.flow.test_api_deliveries import dispatching, listed, report
from tests.flow.test_queue import claim, delivered, settle
from tests.support.api import Api, Caller
from tests.support.receiver import always, answering, receiving
from tests.support.rounds import looks_per_slice
from waypost.domain import ids
from waypost.domain.deliveries import Settled
from waypost.domain.retry import Policy
from waypost.intake.collector import Intake
from waypost.keeper import keeper as keeper_module
from waypost.keeper.keeper import Keeper
from waypost.store import recovery_changes
from waypost.store.rows import Finished

RECOVERY = [
    *("id", "endpoint_id", "only", "since", "until", "dry_run", "state", "matched", "queued", "delivered", "failed"),
    *("created_at", "finished_at"),
]
SINCE = "2020-01-01T00:00:00Z"


@pytest.fixture
async def keeper(api: Api) -> AsyncIterator[Keeper]:
    intake = Intake(api.database, polled=frozenset(), hint=api.hinted.extend)
    intake.start()
    yield Keeper(api.database, intake, history_days=30)
    await intake.stop()


async def go_on(api: Api, keeper: Keeper) -> int:
    async with api.database.engine.acquire() as session:
        return await keeper.recover(session)


async def begin(shop: Caller, endpoint: str, only: str, **fields: object) -> Any:
    answer = await shop.post("/v1/recoveries", {"endpoint_id": endpoint, "since": SINCE, "only": only, **fields})
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == RECOVERY
    return answer.json()


async def counted(shop: Caller, endpoint: str, only: str) -> int:
    found = await begin(shop, endpoint, only, dry_run=True)
    assert (found["state"], found["queued"], found["finished_at"] is None) == ("done", 0, False)
    count: int = found["matched"]
    return count


async def end_all(api: Api, endpoint: str, state: Settled) -> list[int]:
    """Settle everything that waits for an endpoint; gives the sequences in the order in which they came."""
    came = []
    identifier = ids.from_text(ids.ENDPOINT, endpoint)
    assert identifier is not None
    while claimed := await claim(api.database, identifier):
        came += [one.sequence for one in claimed]
        await settle(api.database, *(Finished(one, None, state) for one in claimed))
    return came


async def switch(shop: Caller, endpoint: str, how: str) -> None:
    assert (await shop.post(f"/v1/endpoints/{endpoint}/{how}")).status_code == 200


async def test_a_dry_run_counts_failed_missed_and_all_events_and_queues_nothing(
    api: Api, shop: Caller, keeper: Keeper
) -> None:
    endpoint = await add_to(api, shop)
    await report(shop, "A1", 8)
    await end_all(api, endpoint, Settled.DELIVERED)
    await report(shop, "A1", 9, 10)
    await end_all(api, endpoint, Settled.FAILED)
    await report(shop, "A1", 11)
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 12, 13, 14)
    await switch(shop, endpoint, "enable")
    await report(shop, "A1", 15)

    assert await counted(shop, endpoint, "failed") == 2
    assert await counted(shop, endpoint, "missed") == 1 + 3
    assert await counted(shop, endpoint, "all") == 7
    await go_on(api, keeper)
    assert await api.database.serving.fetchval("select count(*) from due") == 1


async def test_events_of_a_deleted_parcel_are_neither_counted_nor_sent(api: Api, shop: Caller, keeper: Keeper) -> None:
    endpoint = await add_to(api, shop)
    await report(shop, "A1", 8, 9)
    await report(shop, "A2", 8)
    await end_all(api, endpoint, Settled.FAILED)
    gone = (await shop.get("/v4/trackings/get?tracking_numbers=A1")).json()["data"][0]["id"]
    await shop.call("DELETE", f"/v4/trackings/delete/{gone}")

    assert await counted(shop, endpoint, "failed") == 1
    recovery = await begin(shop, endpoint, "failed")
    while await go_on(api, keeper):
        await end_all(api, endpoint, Settled.DELIVERED)
    found = (await shop.get(f"/v1/recoveries/{recovery['id']}")).json()
    assert (found["state"], found["matched"], found["queued"], found["delivered"]) == ("done", 1, 1, 1)


async def test_only_events_that_the_endpoint_receives_now_count_as_missed(api: Api, shop: Caller) -> None:
    endpoint = await add_to(api, shop)
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 8)
    await report(shop, "A1", 9, detail="Out for delivery again")
    await report(shop, "A1", 10, detail="Delivered")

    assert await counted(shop, endpoint, "missed") == 3
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"trigger": "status_change"})
    assert await counted(shop, endpoint, "missed") == 2
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"statuses": ["delivered"]})
    assert await counted(shop, endpoint, "missed") == 1


async def test_events_filtered_out_while_the_endpoint_was_enabled_were_not_missed(api: Api, shop: Caller) -> None:
    endpoint = await add_to(api, shop)
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"statuses": ["delivered"]})
    await report(shop, "A1", 8)
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"statuses": "all"})

    assert await counted(shop, endpoint, "missed") == 0


async def test_a_recovery_delivers_missed_events_in_order_and_ends(api: Api, shop: Caller, keeper: Keeper) -> None:
    endpoint = await add_to(api, shop)
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 8, 9, 10)
    await switch(shop, endpoint, "enable")

    started = await begin(shop, endpoint, "missed")
    assert (started["state"], started["matched"], started["queued"]) == ("running", 3, 0)
    assert await go_on(api, keeper) == 3
    assert {item["recovery_id"] for item in await listed(shop)} == {started["id"]}
    assert sorted(await end_all(api, endpoint, Settled.DELIVERED)) == [1, 2, 3]
    await go_on(api, keeper)

    found = (await shop.get(f"/v1/recoveries/{started['id']}")).json()
    assert (found["state"], found["matched"], found["queued"], found["delivered"], found["failed"]) == (
        *("done", 3, 3),
        *(3, 0),
    )
    assert found["finished_at"] is not None
    assert await counted(shop, endpoint, "missed") == 0


async def test_recovered_events_queue_behind_the_head_of_their_parcel_and_then_by_sequence(
    api: Api, shop: Caller, keeper: Keeper
) -> None:
    endpoint = await add_to(api, shop)
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 8, 9)
    await switch(shop, endpoint, "enable")
    await report(shop, "A1", 10, 11)

    await begin(shop, endpoint, "missed")
    await go_on(api, keeper)

    assert await end_all(api, endpoint, Settled.DELIVERED) == [3, 1, 2, 4]


async def test_an_endpoint_with_latest_ordering_gets_only_the_newest_missed_event(
    api: Api, shop: Caller, keeper: Keeper
) -> None:
    endpoint = await add_to(api, shop)
    await shop.call("PATCH", f"/v1/endpoints/{endpoint}", json={"ordering": "latest"})
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 8, 9)
    await report(shop, "B1", 8)
    await switch(shop, endpoint, "enable")
    await report(shop, "B1", 9)

    await begin(shop, endpoint, "missed")
    await go_on(api, keeper)

    states = {(item["tracking_number"], item["sequence"]): item["state"] for item in await listed(shop)}
    assert states == {
        ("A1", 1): "superseded",
        ("A1", 2): "waiting",
        ("B1", 1): "superseded",
        ("B1", 2): "waiting",
    }


async def test_a_recovery_queues_a_limited_number_at_a_time_and_nothing_twice(
    api: Api, shop: Caller, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.intake.recovery.MOST_WAITING", 4)
    monkeypatch.setattr("waypost.store.recovery_changes.A_TIME", 3)
    monkeypatch.setattr(keeper_module, "RECOVERED_A_TIME", 3)
    endpoint = await add_to(api, shop)
    await switch(shop, endpoint, "disable")
    for number in range(5):
        await report(shop, f"A{number}", 8, 9)
    await switch(shop, endpoint, "enable")

    started = await begin(shop, endpoint, "all")
    assert started["matched"] == 10
    assert [await go_on(api, keeper), await go_on(api, keeper), await go_on(api, keeper)] == [3, 1, 0]
    came = 0
    for _ in range(12):
        came += len(await end_all(api, endpoint, Settled.DELIVERED))
        await go_on(api, keeper)

    found = (await shop.get(f"/v1/recoveries/{started['id']}")).json()
    assert (found["state"], found["queued"], found["delivered"], came) == ("done", 10, 10, 10)
    assert await api.database.serving.fetchval("select count(distinct event) from settled") == 10


async def test_a_recovery_over_very_many_events_delays_no_other(
    api: Api, shop: Caller, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery_changes, "A_TIME", 1)
    other = await api.caller()
    large, small = await add_to(api, shop), await add_to(api, other)
    for endpoint, owner, hours in ((large, shop, range(1, 9)), (small, other, (8,))):
        await switch(owner, endpoint, "disable")
        await report(owner, "A1", *hours)
        await switch(owner, endpoint, "enable")
    begun = [await begin(shop, large, "missed"), await begin(other, small, "missed")]

    with looks_per_slice(1) as waits:
        queued = await go_on(api, keeper)

    assert queued == 9
    assert waits.count >= 2 * 9 / 2  # to count and to queue
    last = await api.database.serving.fetchval(
        "select recovery from due where recovery is not null order by id desc limit 1"
    )
    assert last == ids.from_text(ids.RECOVERY, begun[0]["id"])


async def test_a_stopped_recovery_queues_nothing_more_but_queued_events_are_sent(
    api: Api, shop: Caller, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.intake.recovery.MOST_WAITING", 1)
    endpoint = await add_to(api, shop)
    await switch(shop, endpoint, "disable")
    await report(shop, "A1", 8)
    await report(shop, "A2", 8)
    await switch(shop, endpoint, "enable")
    started = await begin(shop, endpoint, "missed")
    await go_on(api, keeper)

    stopped = await shop.post(f"/v1/recoveries/{started['id']}/stop")

    assert (stopped.status_code, stopped.json()["state"], stopped.json()["queued"]) == (200, "stopped", 1)
    assert len(await end_all(api, endpoint, Settled.FAILED)) == 1
    assert await go_on(api, keeper) == 0
    again = await shop.post(f"/v1/recoveries/{started['id']}/stop")
    assert (again.status_code, again.json()["code"]) == (409, "already_finished")
    found = (await shop.get(f"/v1/recoveries/{started['id']}")).json()
    assert (found["delivered"], found["failed"]) == (0, 1)


async def test_disabling_an_endpoint_stops_its_recovery(api: Api, shop: Caller, keeper: Keeper) -> None:
    endpoint = await add_to(api, shop)
    await report(shop, "A1", 8)
    await end_all(api, endpoint, Settled.FAILED)
    started = await begin(shop, endpoint, "failed")
    await switch(shop, endpoint, "disable")

    assert await go_on(api, keeper) == 0

    assert (await shop.get(f"/v1/recoveries/{started['id']}")).json()["state"] == "stopped"


async def test_an_endpoint_has_one_recovery_at_a_time_and_none_while_disabled(api: Api, shop: Caller) -> None:
    endpoint = await add_to(api, shop)
    body = {"endpoint_id": endpoint, "since": SINCE, "only": "all"}
    await begin(shop, endpoint, "all")

    second = await shop.post("/v1/recoveries", body)
    await switch(shop, endpoint, "disable")
    off = await shop.post("/v1/recoveries", body)

    assert (second.status_code, second.json()["code"]) == (409, "recovery_running")
    assert (off.status_code, off.json()["code"]) == (409, "endpoint_off")


async def test_an_endpoint_has_one_dry_run_at_a_time_beside_a_recovery(
    api: Api, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.actions.recoveries.COUNT_SECONDS", 0)
    monkeypatch.setattr("waypost.store.recovery_changes.A_TIME", 1)
    endpoint = await add_to(api, shop)
    await report(shop, "A1", 8, 9)

    first = await begin(shop, endpoint, "all", dry_run=True)
    second = await shop.post(
        "/v1/recoveries", {"endpoint_id": endpoint, "since": SINCE, "only": "all", "dry_run": True}
    )
    real = await begin(shop, endpoint, "all")
    await shop.post(f"/v1/recoveries/{first['id']}/stop")
    third = await begin(shop, endpoint, "all", dry_run=True)

    assert (second.status_code, second.json()["code"]) == (409, "recovery_running")
    assert "A count for this endpoint is already running" in second.json()["detail"]
    assert [one["state"] for one in (first, real, third)] == ["running"] * 3


async def test_only_events_of_the_chosen_period_are_recovered(api: Api, shop: Caller) -> None:
    endpoint = await add_to(api, shop)
    await report(shop, "A1", 8)
    await end_all(api, endpoint, Settled.FAILED)

    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert (await begin(shop, endpoint, "failed", until="2020-01-02T00:00:00Z", dry_run=True))["matched"] == 0
    capped = await begin(shop, endpoint, "failed", until=soon, dry_run=True)
    assert (capped["matched"], capped["until"] < soon) == (1, True)


async def test_recoveries_are_listed_newest_first(api: Api, shop: Caller) -> None:
    endpoint = await add_to(api, shop)
    made = [(await begin(shop, endpoint, "all", dry_run=True))["id"] for _ in range(3)]

    first = (await shop.get("/v1/recoveries?limit=2")).json()
    rest = (await shop.get(f"/v1/recoveries?cursor={first['next_cursor']}")).json()

    assert [item["id"] for item in [*first["items"], *rest["items"]]] == made[::-1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"only": "lost"}, "only"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00Z"}, "since"),
        ({"since": "9999-01-01T00:00:00Z"}, "since"),
        ({"until": "never"}, "until"),
        ({"until": "2019-01-01T00:00:00Z"}, "since"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"speed": 9}, "speed"),
    ],
)
async def test_invalid_fields_are_named_and_nothing_is_started(
    api: Api, shop: Caller, change: dict[str, object], field: str
) -> None:
    endpoint = await add_to(api, shop)

    answer = await shop.post("/v1/recoveries", {"endpoint_id": endpoint, "since": SINCE, "only": "all"} | change)

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert await api.database.serving.fetchval("select count(*) from recovery") == 0


async def test_endpoints_and_recoveries_of_other_accounts_do_not_exist(api: Api, shop: Caller) -> None:
    other = await api.caller()
    endpoint = await add_to(api, other)
    theirs = await begin(other, endpoint, "all")
    nothing = f"{'0' * 12}7{'0' * 19}"

    async def refusal(method: str, path: str, body: object = None) -> tuple[int, bytes]:
        answer = await shop.call(method, f"/v1/recoveries{path}", json=body)
        return answer.status_code, answer.content

    tried = [
        await refusal("POST", "", {"endpoint_id": endpoint, "since": SINCE, "only": "all"}),
        await refusal("GET", f"/{theirs['id']}"),
        await refusal("POST", f"/{theirs['id']}/stop"),
    ]
    absent = [
        await refusal("POST", "", {"endpoint_id": f"ep_{nothing}", "since": SINCE, "only": "all"}),
        await refusal("GET", f"/rec_{nothing}"),
        await refusal("POST", f"/rec_{nothing}/stop"),
    ]
    assert tried == absent
    assert {status for status, _ in tried} == {404}
    assert (await shop.get("/v1/recoveries")).json()["items"] == []
    assert (await other.get(f"/v1/recoveries/{theirs['id']}")).json()["state"] == "running"


async def test_a_410_and_a_later_recovery_lose_nothing(api: Api, shop: Caller, keeper: Keeper) -> None:
    async with receiving(always(answering(410))) as receiver:
        endpoint = await add_to(api, shop, f"http://127.0.0.1:{receiver.port}/hook")
        await report(shop, "A1", 8, 9)
        async with dispatching(api, 2, policy=Policy()):
            pass
    await report(shop, "A1", 10)
    await switch(shop, endpoint, "enable")

    await begin(shop, endpoint, "missed")
    await go_on(api, keeper)

    identifier = ids.from_text(ids.ENDPOINT, endpoint)
    assert identifier is not None
    (head,) = await claim(api.database, identifier)
    assert head.sequence == 1
    await settle(api.database, delivered(head))
    assert await end_all(api, endpoint, Settled.DELIVERED) == [2, 3]
