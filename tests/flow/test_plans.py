"""The hot statements use their indexes, whatever size the planner estimates for the queue."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.support.databases import add_account
from waypost.store.database import Database
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import TEXTS, Session, bound

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARGUMENTS = {
    "claim": ([uuid4()], [16], 1, timedelta(seconds=60)),
    "scout": (ALL_BUCKETS,),
    "hold": ([uuid4()], [1], [0]),
    "claimed_events": ([1], [1], [uuid4()]),
    "settle_delivered": ([uuid4()], [1], [0]),
    "settle": ([1], [uuid4()], "delivered", None, 1),
    "retry": ([1], [uuid4()], [datetime(2000, 1, 1, tzinfo=UTC)], [1], [0]),
    "claim_by_hand": (ALL_BUCKETS, 16, 1, timedelta(seconds=45), [uuid4()], [uuid4()], 4),
    "suspects": (ALL_BUCKETS, 1),
    "claim_suspects": ([1], [uuid4()], 1, timedelta(seconds=45)),
    "holds_suspects": (1,),
    "unblock": ([uuid4()], [uuid4()], 1, "[]", "[]"),
    "newer": ([1], [1], [uuid4()], [uuid4()], [uuid4()], [1]),
    "unsettled_of_recovery": (ALL_BUCKETS, uuid4()),
    "supersede": ([1], [uuid4()], "newer_event"),
    "queues": ([1], [uuid4()], [uuid4()], ["ordered"]),
    "reconcile_events": (ALL_BUCKETS, [datetime.now(UTC).date()], UUID(int=0), UUID(int=2**127)),
    "reconcile_waiting": (ALL_BUCKETS, UUID(int=0), 10_000),
    "lock_trackings": ([1], [1], [uuid4()]),
    "count_due": (ALL_BUCKETS, 100_000),
    "overdue_deliveries": (ALL_BUCKETS, uuid4(), 500),
    "expire_deliveries": ([1], [uuid4()], "expired"),
    "lane_queues": (ALL_BUCKETS, uuid4()),
    "lanes_left_behind": (ALL_BUCKETS,),
    "rejected_deliveries": (ALL_BUCKETS, 4),
    "backlogs": (ALL_BUCKETS, [uuid4()], 10_000, UUID(int=0)),
    "next_to_send": (ALL_BUCKETS, uuid4()),
    "send_now": ([1], uuid4()),
    "due_watches": (uuid4(), 500, timedelta(hours=6)),
    "lease_watches": ([1], [uuid4()], timedelta(seconds=60), uuid4()),
    "reschedule_watches": (
        *([1], [1], [uuid4()], [NOW], [0], [timedelta(hours=1)], [True]),
        *([0], [0], [False], ["new"]),
    ),
    "release_watches": ([1], [1], [uuid4()], [NOW]),
    "correct_watch": ([1], uuid4(), "dhl"),
    "watch_of": ([1], uuid4()),
    "connections_with_work": (),
    "count_watched": (uuid4(), 1000),
    "unrouted_watches": (ALL_BUCKETS, 500),
    "route_parcels": ([1], [1], [uuid4()], [uuid4()], [False], [1], 3),
    "free_parcels": (uuid4(), 1000),
    "unroute_lane": (ALL_BUCKETS, uuid4(), "transit", [uuid4()], UUID(int=0), 1000),
    "unroute_couriers": (ALL_BUCKETS, ["dhl"], UUID(int=0), 1000, uuid4()),
    "count_watched_of": (ALL_BUCKETS, uuid4(), uuid4(), ["transit"], 1000),
    "due_expiries": (ALL_BUCKETS, 500),
    "move_expiries": ([1], [1], [uuid4()], [NOW]),
    "find_trackings": ([1], [uuid4()], ["A1"], ["dhl"]),
    "lock_if_known": ([1], [uuid4()], ["A1"], ["dhl"], 1 << 22, [uuid4()]),
    "write_few": (*([[]] * 13), b"", [], [], ["dhl"], *([[]] * 13), b"", [], [], *([[]] * 8)),
    "find_tracking": ([1], uuid4(), uuid4()),
    "lock_tracking": ([1], uuid4(), uuid4()),
    "update_tracking": ([1], uuid4(), "dhl", False, None, b"", NOW, None),
    "deliveries_of_tracking": ([1], uuid4()),
    "delete_tracking": ([1], uuid4()),
    "accounts_with_pushes": (UUID(int=0), 8),
    "waiting_pushes": (uuid4(), 64),
    "find_pushes": ([uuid4()],),
    "numbers_of_account": ([1], [1], uuid4(), ["A1"]),
    "known_pushes": ([uuid4()], [b"key"]),
    "delete_pushes": ([uuid4()],),
    "mark_unreadable": ([uuid4()], ["why"]),
    "crowded_accounts": (20_000, 1 << 28),
    "inbound_address": (b"digest",),
    "poll_soon": ([1], uuid4(), timedelta(seconds=60)),
    "watch_again": ([1], [1], [uuid4()], ["dhl"], [True]),
    "change_trackings": (
        *([1], [uuid4()], [1], [uuid4()], ["transit"], ["transit001"], [0], [None], [None]),
        *(b"", [1], [0]),
    ),
}
CONNECTIONS = {
    "connections": (uuid4(), None, True),
    "connections_by_id": ([uuid4()],),
    "candidates": ([uuid4()],),
    "installation_connections": (),
    "unrouted_connections": (),
    "lease_connections": ([uuid4()], uuid4(), timedelta(seconds=30)),
    "note_polls": (uuid4(), uuid4(), b"", timedelta(seconds=30), True, None, None, None),
    "last_reported": (uuid4(), 1000),
}
"""Read or written by every poll or page: an installation may have as many connections as accounts."""
ALERTS = {
    "alert_channels": (uuid4(), None),
    "alerts": (uuid4(), 50),
    "find_alert": (uuid4(),),
    "insert_alerts": (uuid4(), "endpoint_failing", uuid4(), "closed", "{}"),
    "insert_test_alert": (uuid4(), uuid4(), uuid4(), "{}"),
    "claim_channels": (4, timedelta(seconds=60), [uuid4()]),
    "waiting_alerts": (uuid4(),),
    "update_alerts_settled": ([uuid4()], "sent", 1, None),
    "update_alerts_retried": ([uuid4()], timedelta(seconds=30), None),
    "update_alerts_held": (uuid4(), NOW),
    "release_channel": (uuid4(), 1, NOW),
    "update_channel": (uuid4(), uuid4(), "A", None, None, None, True),
    "delete_channel": (uuid4(), uuid4()),
    "delete_old_alerts": (uuid4(),),
}
"""Sent every second or with every incident, or behind a page: an installation keeps the alerts of all for 30 days."""
BY_ID = (
    "claim",
    "claim_by_hand",
    "claim_suspects",
    "hold",
    "settle_delivered",
    "settle",
    "retry",
    "unblock",
    "supersede",
    "expire_deliveries",
)
BOUNDS = (ALL_BUCKETS, [uuid4()], UUID(int=0), UUID(int=2**127), None, 51)
DAYS = (date.min, date.max)
LANES = (uuid4(), [False, True], ["transit", "delivered"], UUID(int=0), UUID(int=2**127), 100, 0)
PASSED = (uuid4(), [True], ["transit"], 10_000, UUID(int=2**127), [UUID(int=0)])
RESENT = (ALL_BUCKETS, [uuid4()], UUID(int=0), UUID(int=2**127), *DAYS, 500)
LISTS = {
    "unsettled_deliveries": (*BOUNDS, False),
    "settled_deliveries": (*BOUNDS, False, *DAYS),
    "undelivered_deliveries": (*BOUNDS, False, *DAYS),
    "settled_delivery": ([1], uuid4(), uuid4(), NOW.date()),
    "result_of_probe": (ALL_BUCKETS, 1, NOW.date(), uuid4(), uuid4()),
    "test_deliveries": (*BOUNDS, *DAYS),
    "settled_of_trackings": (*BOUNDS, False, *DAYS, [uuid4()]),
    "events_to_judge": (ALL_BUCKETS, uuid4(), uuid4(), "x", UUID(int=0), UUID(int=2**127), *DAYS, 500),
    "recoveries": (ALL_BUCKETS, uuid4(), None, None, None, 50),
    "unsettled_of_trackings": (*BOUNDS, False, [uuid4()]),
    "trackings_of_numbers": ([1], *LANES, ["A1"], None, NOW, NOW),
    "couriers_of_numbers": ([1], uuid4(), [1], ["A1"], 4),
    "parcel_events": ([1], uuid4(), uuid4(), UUID(int=2**127), 30),
    "parcel_deliveries": ([1], uuid4(), [uuid4()], *DAYS, UUID(int=0)),
    "trackings_by_lane": LANES,
    "trackings_by_courier_lane": (*LANES, ["dhl"]),
    "trackings_by_updated_lane": (*LANES, None, NOW, NOW),
    "lanes_of_trackings": (uuid4(),),
    "pass_lanes": PASSED,
    "pass_courier_lanes": (*PASSED, ["dhl"]),
    "pass_updated_lanes": (*PASSED[:4], NOW, [NOW], ["dhl"], UUID(int=0), UUID(int=2**127)),
    "search_trackings": (
        *(ALL_BUCKETS, *LANES, "A", "B", 1000, "A", "B", None, NOW, NOW),
        *("A", "B", "#A", "#B", "a", "b"),
    ),
    "trackings_searched": (ALL_BUCKETS, uuid4(), "A", "B", "A", "B", "A", "B", "#A", "#B", 200),
    "retried_deliveries": (*BOUNDS, False),
    "settled_to_resend": RESENT,
    "undelivered_to_resend": RESENT,
    "settled_of_trackings_to_resend": (*RESENT, [uuid4()]),
    "neighbours": ([1], uuid4(), uuid4(), uuid4()),
    "first_of_lane": (ALL_BUCKETS, uuid4()),
    "events_waiting": ([1], [1], [uuid4()], [uuid4()], [uuid4()]),
    "last_attempts": ([1], [1], [uuid4()], [NOW.date()]),
    "tracking_of_event": ([1], uuid4(), NOW.date(), uuid4()),
    "trackings_with_number": ([1], uuid4(), "A1"),
    "failed_attempts": (ALL_BUCKETS, uuid4(), "https://shop.example/hook", 200),
    "feed": (ALL_BUCKETS, uuid4(), UUID(int=0), UUID(int=2**127), *DAYS, 50, 4 << 20),
}
FILL = """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, next_at)
select 1, gen_random_uuid(), md5((n % 50)::text)::uuid, gen_random_uuid(), gen_random_uuid(), 1, 'ordered', now()
from generate_series(1, $1::integer) n
"""


async def never_analysed(database: Database) -> None:
    await database.serving.execute(FILL, 1000)


async def emptied_and_vacuumed(database: Database) -> None:
    await database.serving.execute(FILL, 1000)
    await database.serving.execute("delete from due")
    await database.serving.execute("vacuum analyze due")


async def large(database: Database) -> None:
    await database.serving.execute(FILL, 50_000)
    await database.serving.execute("vacuum analyze due")


async def many_connections(database: Database) -> None:
    await database.serving.execute(
        """insert into connection (id, account, source, kind, name, credentials, routed_at)
        select gen_random_uuid(), case when n > 12 then $1::uuid end, 'ups', 'carrier', 'UPS',
               case when n > 12 then 'sealed'::bytea end, now()
        from generate_series(1, 20000) n""",
        await add_account(database),
    )
    await database.serving.execute("insert into connection_health (connection) select id from connection")
    await database.serving.execute("vacuum analyze connection, connection_health")


async def many_alerts(database: Database) -> None:
    """Fill two thousand accounts with a channel and twenty alerts each."""
    await database.serving.execute(
        """insert into account (id, email, name)
        select gen_random_uuid(), n || '@example.com', 'Shop' from generate_series(1, 2000) n"""
    )
    await database.serving.execute(
        """insert into alert_channel (id, account, service, name, target)
        select gen_random_uuid(), id, 'slack', 'Slack', '' from account"""
    )
    await database.serving.execute(
        """insert into alert (id, channel, what, content, state, settled_at)
        select uuidv7(), c.id, 'opened', '{}', 'sent', now() from alert_channel c, generate_series(1, 20)"""
    )
    await database.serving.execute("vacuum analyze alert, alert_channel")


async def all_of_one_endpoint(database: Database) -> None:
    await database.serving.execute(FILL, 20_000)
    await database.serving.execute("update due set endpoint = $1", uuid4())
    await database.serving.execute("vacuum full analyze due")


async def generic_plan(session: Session, name: str, arguments: int) -> str:
    """Return the generic plan, made now: the one that the engine's connections will use.

    EXPLAIN with bound arguments would plan for those.
    """
    await session.execute("set plan_cache_mode = force_generic_plan")
    await session.execute("prepare asked as " + TEXTS[name])
    given = ", ".join(["null"] * arguments)
    rows = await session.fetch("explain execute asked" + (f"({given})" if given else ""))
    await session.execute("deallocate asked")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("state", [never_analysed, emptied_and_vacuumed, large])
async def test_hot_statements_never_scan_or_sort_the_queue(database: Database, state) -> None:
    await state(database)
    async with database.engine.acquire() as session:
        plans = {name: await generic_plan(session, name, len(values)) for name, values in ARGUMENTS.items()}

    bad = r"Seq Scan on (due|tracking|event|settled|watch|inbound\w*)\b|Bitmap Heap Scan"
    assert {name: plan for name, plan in plans.items() if re.search(bad, plan) or "Index" not in plan} == {}


async def test_rows_are_looked_up_by_id_even_if_nearly_all_are_of_one_endpoint(database: Database) -> None:
    await all_of_one_endpoint(database)
    async with database.engine.acquire() as session:
        plans = {name: await generic_plan(session, name, len(ARGUMENTS[name])) for name in BY_ID}

    assert {name: plan for name, plan in plans.items() if "due_endpoint" in plan or "due_pkey" not in plan} == {}


@pytest.mark.parametrize("state", [never_analysed, emptied_and_vacuumed, large])
async def test_the_head_and_the_tail_of_a_queue_are_the_ends_of_one_index(database: Database, state) -> None:
    await state(database)
    async with database.engine.acquire() as session:
        plans = {
            name: await generic_plan(session, name, len(ARGUMENTS[name])) for name in ("unblock", "queues", "write_few")
        }

    assert "Index Scan using due_place on due q" in plans.pop("unblock")
    tail = r"Limit[^\n]*\n +->  Index Scan Backward using due_place on due q"
    assert {name: plan for name, plan in plans.items() if not re.search(tail, plan)} == {}


@pytest.mark.parametrize("state", [never_analysed, emptied_and_vacuumed, large])
async def test_deliveries_are_locked_in_the_order_of_their_ids(database: Database, state) -> None:
    await state(database)
    orders = {
        "settle_delivered": r"Delete on due[^\n]*\n +->  Index Scan using due_pkey on due\b",
        "settle": r"Delete on due[^\n]*\n +->  Index Scan using due_pkey on due\b",
        "queues": r"Sort Key: found.id\n(?s:.*)LockRows[^\n]*\n +->  Index Scan using due_pkey on due q",
        "write_few": r"Sort Key: tails.id\n(?s:.*)LockRows[^\n]*\n +->  Index Scan using due_pkey on due q",
    }
    async with database.engine.acquire() as session:
        plans = {name: await generic_plan(session, name, len(ARGUMENTS[name])) for name in orders}

    assert {name: plan for name, plan in plans.items() if not re.search(orders[name], plan)} == {}


@pytest.mark.parametrize("state", [never_analysed, emptied_and_vacuumed, large])
async def test_manual_sends_are_found_without_scanning_the_queue(database: Database, state) -> None:
    await state(database)
    async with database.engine.acquire() as session:
        plan = await generic_plan(session, "claim_by_hand", len(ARGUMENTS["claim_by_hand"]))

    assert "Index Scan using due_by_hand on due q" in plan, plan


@pytest.mark.parametrize(("name", "index"), [("find_trackings", "tracking_number"), ("lock_tracking", "tracking_pkey")])
async def test_a_parcel_is_found_by_its_index_in_a_young_account(database: Database, name: str, index: str) -> None:
    async with database.engine.acquire() as session:
        plan = await generic_plan(session, name, len(ARGUMENTS[name]))

    assert re.findall(r"using (tracking_\w+)", plan) == [index], plan


async def test_lists_are_read_in_index_order_with_any_backlog(database: Database) -> None:
    await large(database)
    plans = {}
    async with database.serving.acquire() as session:
        await session.execute("set enable_bitmapscan = off")
        for name, values in LISTS.items():
            rows = await session.fetch("explain " + TEXTS[name], *bound(name, *values))
            plans[name] = "\n".join(row[0] for row in rows)

    bad = r"Seq Scan on (due|tracking|event|settled|attempt)\w*\b"
    assert {name: plan for name, plan in plans.items() if re.search(bad, plan)} == {}
    assert "due_tried" in plans["retried_deliveries"]


SEARCHED = {"tracking_number", "tracking_ending", "tracking_order"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("search_trackings", SEARCHED | {"tracking_customer", "tracking_last_name", "tracking_pkey"}),
        ("trackings_searched", SEARCHED),
    ],
)
async def test_each_kind_of_match_is_found_by_its_own_index(database: Database, name: str, expected: set[str]) -> None:
    await database.serving.execute(
        """insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state,
                                 created_at, updated_at, order_number, customer_name)
        select n % 256, gen_random_uuid(), $1, 'N' || n, 'dhl', 'transit', 'transit001', '', now(), now(), 'O' || n,
               'first' || n || ' last' || n
        from generate_series(1, 20000) n""",
        uuid4(),
    )
    await database.serving.execute("vacuum analyze tracking")
    async with database.serving.acquire() as session:
        plan = await generic_plan(session, name, len(LISTS[name]))

    indexes = set(re.findall(r"using (\w+) on tracking\b", plan))
    assert indexes == expected, plan


async def test_one_of_many_connections_is_never_looked_for_among_all(database: Database) -> None:
    await many_connections(database)
    async with database.engine.acquire() as session:
        plans = {name: await generic_plan(session, name, len(values)) for name, values in CONNECTIONS.items()}

    every = r"Seq Scan on (connection|connection_health|event)\w*\b"
    bad = every + r"|using connection_pkey on connection \w?\b(?!.*\n +Index Cond)"
    assert {name: plan for name, plan in plans.items() if re.search(bad, plan)} == {}


async def test_alerts_and_channels_are_never_scanned(database: Database) -> None:
    await many_alerts(database)
    async with database.serving.acquire() as session:
        plans = {name: await generic_plan(session, name, len(values)) for name, values in ALERTS.items()}

    assert {name: plan for name, plan in plans.items() if re.search(r"Seq Scan on alert", plan)} == {}


async def test_an_endpoints_hours_are_read_by_index(database: Database) -> None:
    await database.serving.execute(
        """insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts,
                                       latency)
        select md5((n % 500)::text)::uuid, (now() at time zone 'utc')::date, date_trunc('hour', now(), 'utc'), n / 500,
               1, 0, 1, 0, '{}'
        from generate_series(0, 19999) n"""
    )
    await database.serving.execute("vacuum analyze delivery_hours")
    now, one = datetime.now(UTC), uuid4()
    bounds = {
        "hours": ([one], now - timedelta(days=1), now, now.date() - timedelta(days=1), now.date()),
        "days": (one, now.date() - timedelta(days=29), now.date()),
    }
    plans = {}
    async with database.serving.acquire() as session:
        for name, values in bounds.items():
            rows = await session.fetch("explain " + TEXTS[name], *bound(name, *values))
            plans[name] = "\n".join(row[0] for row in rows)

    filled = rf"Seq Scan on delivery_hours_{now:%Y%m%d}"
    assert {name: plan for name, plan in plans.items() if re.search(filled, plan) or "Index" not in plan} == {}
