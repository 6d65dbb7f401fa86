"""What the keeper and the pages read of incidents, alerts, letters and health takes as long with a million rows."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.flow.test_plans import ALERTS, generic_plan
from waypost.store.database import Database
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import TEXTS, bound

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = timedelta(days=3650)
NONE, LAST = UUID(int=0), UUID(int=2**128 - 1)
INCIDENTS: Mapping[str, tuple[Any, ...]] = {
    "open_incidents": (["endpoint_failing"],),
    "incident_feed": (uuid4(), LAST, None, 50),
    "newest_incidents": (uuid4(), None, 50),
    "last_incident_change": (uuid4(),),
    "insert_incident": (uuid4(), None, "operator", "disk", 0, "", "{}", NOW),
    "update_incident": (uuid4(), 1, "", "{}", uuid4()),
    "update_closed": (uuid4(), NOW, "", uuid4()),
    "delete_old_incidents": (LONG,),
    "accounts_with_stuck_parcels": (NONE,),
}
HEALTH: Mapping[str, tuple[Any, ...]] = {
    "rejected_deliveries": (ALL_BUCKETS, 4),
    "troubled_endpoints": (),
    "health_of_endpoints": ([uuid4()],),
    "result_of_probe": (ALL_BUCKETS, 1, NOW.date(), uuid4(), uuid4()),
    "update_probe": (uuid4(), uuid4()),
    "update_recovered": (uuid4(),),
    "update_health_recovered": (uuid4(),),
    "mark_gone": (uuid4(),),
    "update_enabled": (uuid4(), uuid4(), None),
}
LETTERS: Mapping[str, tuple[Any, ...]] = {
    "undelivered_letters": (uuid4(), None, NONE),
    "claim_letters": (16, timedelta(minutes=2), [uuid4()]),
    "update_letter_written": (uuid4(), uuid4(), uuid4(), "a@b.example", b""),
    "update_letter_settled": (uuid4(), "sent", "OK"),
    "update_letter_retried": (uuid4(), timedelta(minutes=1), "451"),
    "delete_letter": (uuid4(),),
    "delete_old_letters": (NONE,),
}
STATEMENTS = {**INCIDENTS, **HEALTH, **LETTERS, **ALERTS, "delete_old_alerts": (NONE,)}
OF_ALL_OPEN = {"open_incidents", "troubled_endpoints", "accounts_with_stuck_parcels"}
"""What reads everything that is open, or looks at each account once, and therefore grows with it."""

MOST_BLOCKS, MOST_OF_CLAIMS = 100, 10_000
"""A claim looks at the first thousand that wait."""

# One in a thousand is open, fails or waits. Parameters: accounts, and how many of everything each has.
FILL = """
insert into account (id, email, name)
select gen_random_uuid(), n || '@example.com', 'Shop' from generate_series(1, $1::integer) n;
insert into account_user (id, account, email, password_hash, role)
select id, id, email, '', 'owner' from account;
insert into endpoint (id, account, url, version, trigger, ordering, secret, enabled, disabled_reason)
select gen_random_uuid(), id, 'https://shop.example', 'V4', 'every_update', 'ordered', '', n <> 1 or r > 0.004,
       case when n = 1 and r <= 0.004 then 'failing' end
from (select id, random() as r from account) a, generate_series(1, 4) n;
insert into endpoint_health (endpoint, failing_since)
select id, case when random() < 0.001 then now() - interval '1 hour' end from endpoint;
insert into incident (id, account, kind, subject, message, opened_at, closed_at, change)
select gen_random_uuid(), id, 'endpoint_failing', 'ep_' || n, '', now() - interval '2 days',
       case when random() > 0.001 then now() - interval '1 day' end, gen_random_uuid()
from account, generate_series(1, $2::integer) n;
insert into alert_channel (id, account, service, name, target)
select id, id, 'slack', 'Slack', '' from account;
insert into alert (id, channel, incident, what, content, state, settled_at)
select gen_random_uuid(), a.id, gen_random_uuid(), 'opened', '{}', case when a.r < 0.001 then 'waiting' else 'sent' end,
       case when a.r >= 0.001 then now() end
from (select id, random() as r from account, generate_series(1, $2::integer)) a;
insert into letter (id, account, account_user, purpose, address, sealed, state, settled_at, expires_at)
select gen_random_uuid(), a.id, a.id, 'invitation', 'new@example.com', case when a.r < 0.001 then ''::bytea end,
       case when a.r < 0.001 then 'waiting' else 'sent' end, case when a.r >= 0.001 then now() end, now()
from (select id, random() as r from account, generate_series(1, $2::integer)) a;
insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, latency)
select e.id, (now() at time zone 'utc')::date, date_trunc('hour', now(), 'utc'), n, 1, 0, 1, 0, '{}'
from endpoint e, generate_series(1, ($2::integer + 3) / 4) n
"""
TABLES = "account, account_user, endpoint, endpoint_health, incident, alert_channel, alert, letter, delivery_hours"
SCANNED = r"Seq Scan on (incident|alert|letter|endpoint_health|delivery_hours_\d)\w*\b"


def _most(name: str) -> int:
    return MOST_OF_CLAIMS if name.startswith("claim_") else MOST_BLOCKS


async def fill(database: Database, accounts: int, of_each: int) -> None:
    async with database.serving.acquire() as session:
        await session.execute("set statement_timeout = 0; set transaction_timeout = 0")
        for statement in FILL.split(";\n"):
            text = statement.replace("$1::integer", str(accounts)).replace("$2::integer", str(of_each))
            await session.execute(text, timeout=600)
        await session.execute(f"vacuum analyze {TABLES}", timeout=600)


async def check(database: Database) -> None:
    """Check that no generic plan scans a table, and that a run of each statement reads few blocks."""
    plans, blocks = {}, {}
    async with database.engine.acquire() as session:
        for name, values in STATEMENTS.items():
            plans[name] = await generic_plan(session, name, len(values))
        for name, values in STATEMENTS.items():
            if name not in OF_ALL_OPEN:
                rows = await session.fetch("explain (analyze, buffers) " + TEXTS[name], *bound(name, *values))
                found = re.search(r"Buffers: shared (?:hit=(\d+) ?)?(?:read=(\d+))?", "\n".join(row[0] for row in rows))
                blocks[name] = sum(int(one or 0) for one in found.groups()) if found else 0

    assert {name: plan for name, plan in plans.items() if re.search(SCANNED, plan)} == {}
    assert {name: count for name, count in blocks.items() if count > _most(name)} == {}


async def test_incidents_alerts_letters_and_health_are_never_scanned(database: Database) -> None:
    await fill(database, 500, 20)

    await check(database)


@pytest.mark.faults
async def test_a_million_incidents_alerts_letters_and_hours_change_nothing_of_it(database: Database) -> None:
    await fill(database, 10_000, 100)

    await check(database)
