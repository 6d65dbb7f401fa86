"""A deleted account leaves no row behind, and no row of another account goes with it."""

import secrets
from collections import Counter

import pytest

from tests.support.api import Api, Caller
from tests.support.api import connect as connect_carriers
from tests.support.pushing import connect, easypost_event
from waypost.actions import account_deletion
from waypost.actions.actor import operator
from waypost.actions.context import DatabaseContext
from waypost.domain import ids
from waypost.domain.incidents import Kind, NewIncident, Trouble
from waypost.store import incident_changes
from waypost.store.database import Database

ELSEWHERE = {"dispatcher", "duty", "installation", "migration", "web_session"}
"""Tables of the installation, and sealed sessions, which end when their user is gone."""

RAW = """
    insert into account_user (id, account, email, password_hash, role)
    values ({made}, {account}, {made}::text, '', 'owner');
    insert into login_link (digest, account_user, expires_at) values (sha256({made}::text::bytea), {made}, now());
    insert into mail_link (digest, account_user, expires_at) values (sha256({made}::text::bytea), {made}, now());
    insert into letter (id, account, account_user, purpose, address, sealed, expires_at)
    values ({made}, {account}, {made}, 'invitation', 'new@shop.example', '', now());
    insert into account_quota (account, parcels) values ({account}, 5);
    insert into account_usage (account) values ({account});
    insert into call_window (account, call, at, taken) values ({account}, 'create', now(), 1);
    insert into unread_scan (account, source, code, text, seen, first_at, last_at)
    values ({account}, 'dhl', 'X', '', 1, now(), now());
    insert into deleted_tracking (bucket, day, id, account, tracking_number)
    values (1, current_date, {made}, {account}, 'A0');
    insert into idempotency (bucket, account, key, request) values (1, {account}, 'key', '');
    insert into endpoint_health (endpoint) select id from endpoint where account = {account};
    insert into delivery_hours
        (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, latency)
    select id, current_date, date_trunc('day', now()), 1, 1, 0, 1, 0, '{{}}' from endpoint where account = {account};
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, tries, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'delivered', 1, now()
    from due where endpoint = any (array(select id from endpoint where account = {account}));
    insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome, url, signed_at,
                         signature, webhook_signature, user_agent, body_sha256, body_length)
    select bucket, day, id, 1, now(), 1, 'V4', 'succeeded', '', 1, '', '', '', '', 1 from settled
    where endpoint = any (array(select id from endpoint where account = {account}));
    insert into registrar (connection, upto) select id, {made} from connection where account = {account};
    insert into shipment (connection, shipment, tracking)
    select c.id, 'one', t.id from tracking t, connection c where t.account = {account} and c.account = {account};
    insert into registration (tracking, connection) select t.id, c.id from tracking t, connection c
    where t.account = {account} and (c.account = {account} or c.account is null);
    update connection set shared_with = array_append(shared_with, {account}) where account is null;
    insert into test_payload (delivery, account, body) values ({made}, {account}, '');
    insert into bulk_action (id, account, kind, wanted, query, walked_to)
    values ({made}, {account}, 'resend', '{{}}', '', {made});
    insert into column_mapping (account, headings, columns, used_at) values ({account}, sha256(''), '{{}}', now());
    insert into uploaded_file (account_user, content, uploaded_at)
    select id, '', now() from account_user where account = {account};
    insert into audit_pruned (account, number, digest) values ({account}, 1, sha256(''));
    insert into inbound_call (day, id, account, connection, became)
    select (uuid_extract_timestamp(id) at time zone 'utc')::date, id, account, connection, 'updated' from inbound
    where account = {account}
"""
"""Rows that only the running parts write; ``made`` is a new id."""


async def make_account(api: Api) -> Caller:
    """Make an account that has rows in every table."""
    shop = await api.caller()
    endpoint = (await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/"})).json()["id"]
    scan = {"checkpoint_date": "2026-03-02T08:15:00", "tracking_detail": "On its way to you"}
    for number in ("A1", "A2"):
        update = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        await shop.post("/v1/updates", {"updates": [update]})
    await shop.post("/v1/recoveries", {"endpoint_id": endpoint, "since": "2026-01-01T00:00:00Z", "only": "all"})
    await (await connect(api, shop)).push(easypost_event())
    await shop.post("/v1/alert-channels", {"service": "webhook", "target": {"url": "http://127.0.0.1/"}})
    await shop.post(f"/v1/endpoints/{endpoint}/test", {"status": "delivered"})
    async with api.database.serving.acquire() as session:
        trouble = Trouble(shop.account, Kind.ENDPOINT_FAILING, endpoint, "It fails.")
        await incident_changes.write_changes(session, [NewIncident(trouble)])
        made = ids.make_id(1_790_000_000_000, 0, secrets.randbits(62))
        await session.execute(RAW.format(account=f"'{shop.account}'::uuid", made=f"'{made}'::uuid"))
    return shop


async def all_rows(database: Database) -> dict[str, Counter[str]]:
    """Return every row of every table that accounts have rows in, as text."""
    tables = await database.serving.fetch(
        "select relname from pg_class where relkind in ('r', 'p') and not relispartition"
        " and relnamespace = current_schema()::regnamespace"
    )
    return {
        name: Counter(row[0] for row in await database.serving.fetch(f"select t::text from {name} t"))  # noqa: S608 - names from the catalogue
        for name in sorted(row["relname"] for row in tables)
        if name not in ELSEWHERE
    }


async def delete(database: Database, shop: Caller) -> list[int]:
    seen: list[int] = []
    context = DatabaseContext(database=database)
    await account_deletion.delete(context, operator(shop.account), seen.append, settling_seconds=0)
    return seen


async def test_a_deleted_account_leaves_nothing_behind_and_takes_nothing_of_others_with_it(
    api: Api, database: Database
) -> None:
    await connect_carriers(database, ["dhl"])
    await make_account(api)
    before = await all_rows(database)
    shop = await make_account(api)
    full = await all_rows(database)

    seen = await delete(database, shop)

    untouched = [name for name, rows in full.items() if rows == before[name]]
    assert untouched == []  # it had rows in every table, so the comparison below means something
    assert await all_rows(database) == before
    assert seen == sorted(seen)


async def test_an_interrupted_deletion_is_finished_by_repeating_it(api: Api, database: Database) -> None:
    before = await all_rows(database)
    shop = await make_account(api)

    class Interrupted(Exception):
        pass

    def interrupt(rows: int) -> None:
        raise Interrupted(rows)

    context = DatabaseContext(database=database)
    with pytest.raises(Interrupted):
        await account_deletion.delete(context, operator(shop.account), interrupt, settling_seconds=0)
    left = await account_deletion.contents(context, operator(shop.account))
    await delete(database, shop)

    assert (left.users, left.api_keys, left.endpoints) == (0, 0, 0)
    assert await all_rows(database) == before
