-- Quotas and usage, written.

-- name: update_quota
insert into account_quota (account, parcels, updates_per_day, disk_bytes) values ($1, $2, $3, $4)
on conflict (account) do update
set parcels = excluded.parcels, updates_per_day = excluded.updates_per_day, disk_bytes = excluded.disk_bytes

-- name: count_updates
insert into account_usage as u (account, updates) values ($1, $2)
on conflict (account) do update
set updates = case when u.day = excluded.day then u.updates + excluded.updates else excluded.updates end,
    day = excluded.day

-- name: accounts_with_quota
-- $1: the installation has quotas, so every account has.
select id from account where $1 or id in (select account from account_quota)

-- name: count_parcels
select count(*) as parcels from tracking where bucket = any ($1::smallint[]) and account = $2

-- name: measure_disk
-- From a sample of $2 pages of the events, whole pages chosen at random: reading everything would cost as much as a
-- backup. The parcels' own rows, attempts and stored answers are left out; events are most of what an account stores.
-- octet_length reads the size of a state without fetching it; $1 is what a row takes besides it, with its share of the
-- indexes.
with share as (
    select least(100.0, 100.0 * $2 / greatest(1, sum(pg_relation_size(relid)) / 8192)) as percent
    from pg_partition_tree('event')
), sample as (
    select account, sum(octet_length(state) + $1::bigint) as bytes
    from event tablesample system ((select percent from share))
    group by account
)
select account, (bytes * 100 / percent)::bigint as bytes from sample, share

-- name: note_usage
insert into account_usage (account, parcels, disk_bytes)
select * from unnest($1::uuid[], $2::bigint[], $3::bigint[])
on conflict (account) do update set parcels = excluded.parcels, disk_bytes = excluded.disk_bytes
