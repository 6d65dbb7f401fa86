"""Resets a used database to the template, so that the next test need not wait for a copy.

A database that can't be proven identical is not reused: a test may change tables, leave a session behind, or let
PostgreSQL gather statistics.
"""

from hashlib import sha256

import asyncpg

LOOKS = 200
OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
FILLED = """
select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_|^information_schema$' and pg_relation_size(c.oid) > 0 order by 1
"""
NEW_INDEXES = """
select pg_restore_relation_stats('schemaname', n.nspname::text, 'relname', c.relname::text,
    'relpages', 1, 'reltuples', 0::real)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'i' and c.reltuples = -1 and n.nspname !~ '^pg_|^information_schema$'
"""
"""The planner treats an index like one of a new table; after a truncation it has no statistics of it."""
RESTART = "select setval(seqrelid::regclass, seqstart, false) from pg_sequence"
STATE = """
with own as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_|^information_schema$'
)
select md5(string_agg(line, chr(10) order by line)) from (
    select concat_ws(' ', name, relkind, relpersistence, reloptions, relacl, relispartition, reltuples, relpages)
    from own
    union all
    select concat_ws(' ', name, attname, atttypid::regtype, attnotnull, atthasdef, attstattarget, attisdropped)
    from own join pg_attribute on attrelid = own.oid where attnum > 0
    union all
    select concat_ws(' ', name, conname, convalidated) from own join pg_constraint on conrelid = own.oid
    union all
    select concat_ws(' ', name, indisvalid, indisready) from own join pg_index on indexrelid = own.oid
    union all
    select concat_ws(' ', name, tgname, tgenabled) from own join pg_trigger on tgrelid = own.oid where not tgisinternal
    union all
    select concat_ws(' ', n.nspname, proname, prosrc) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname !~ '^pg_|^information_schema$'
    union all
    select nspname || coalesce(nspacl::text, '') from pg_namespace where nspname !~ '^pg_'
    union all
    select concat_ws(' ', name, 'has statistics') from own join pg_statistic on starelid = own.oid
    union all
    select setconfig::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
    where d.datname = current_database()
) as lines (line)
"""


async def state_of(session: asyncpg.Connection) -> str:
    """Return what distinguishes databases: everything except the rows of tables that are empty in the template."""
    digest = sha256((await session.fetchval(STATE)).encode())
    for table in await session.fetch(FILLED):
        name = table["name"]  # as the catalogue quotes it
        rows = await session.fetch(f"select t::text from {name} as t order by 1")  # noqa: S608 - see above
        digest.update("\n".join([name, *(row[0] for row in rows)]).encode())
    return digest.hexdigest()


async def empty_again(session: asyncpg.Connection, template: str, kept: frozenset[str]) -> bool:
    """Empty all tables but those that are kept, and tell whether the database is what the template is by now."""
    for _ in range(LOOKS):
        if await session.fetchval(OTHERS) == 1:
            break
        await session.execute("select pg_sleep(0.005)")  # a session that was closed ends a moment later
    else:
        return False
    filled = [row["name"] for row in await session.fetch(FILLED) if row["name"] not in kept]
    # What triggers forbid to programs, such as emptying the audit log.
    await session.execute("set session_replication_role = replica")
    if filled:
        await session.execute(f"truncate {', '.join(filled)} cascade")
        await session.execute(NEW_INDEXES)
    await session.execute(RESTART)
    return await state_of(session) == template
