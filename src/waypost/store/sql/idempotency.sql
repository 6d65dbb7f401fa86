-- Idempotency keys, kept for 24 hours by the database's clock.

-- name: lock_keys
-- A key whose first request is still being written elsewhere is not waited for: its lock is held. A separate
-- statement: see dispatchers.sql.
select account, key
from unnest($1::uuid[], $2::text[]) as n (account, key)
where pg_try_advisory_xact_lock(hashtextextended(account::text || key, 5))

-- name: take_keys
-- Of the locked keys. One that is older than a day counts as never used.
insert into idempotency (bucket, account, key, request, at)
select bucket, account, key, request, now()
from unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[]) as n (bucket, account, key, request)
on conflict (account, key, bucket) do update
    set request = excluded.request, answer = null, at = excluded.at
    where idempotency.at < excluded.at - interval '24 hours'
returning account, key

-- name: known_keys
select i.account, i.key, i.request, i.answer
from idempotency i
join unnest($2::smallint[], $3::uuid[], $4::text[]) as k (bucket, account, key)
  on i.account = k.account and i.key = k.key and i.bucket = k.bucket
where i.bucket = any ($1::smallint[])

-- name: answer_keys
update idempotency i
set answer = k.answer
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::bytea[]) as k (bucket, account, key, answer)
where i.bucket = any ($1::smallint[]) and i.account = k.account and i.key = k.key and i.bucket = k.bucket

-- name: forget_keys
-- A day's keys are deleted in batches: the table can't be partitioned by day, since a key is unique across all days.
with gone as (
    delete from idempotency
    where bucket = any ($1::smallint[]) and (account, key, bucket) in (
        select account, key, bucket from idempotency
        where bucket = any ($1::smallint[]) and at < now() - interval '24 hours' limit $2)
    returning 1
)
select count(*) as forgotten from gone
