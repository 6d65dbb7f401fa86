-- API keys, written. A revoked key stays as a row, so that people can see its history.

-- name: insert_api_key
with known as materialized (
    select count(*) as keys from api_key
    where account = $2 and revoked_at is null and (expires_at is null or expires_at > now())
)
insert into api_key (id, account, name, prefix, digest, scopes, expires_at, made_by)
select $1, $2, $3, $4, $5, $6, now() + $7::interval, $9 from known where keys < $8
returning id

-- name: mark_revoked
update api_key set revoked_at = now() where account = $1 and id = $2 and revoked_at is null returning id

-- name: use_key
-- By the digest, which is unique. Revoked and expired keys are never found; the database's clock decides, so that all
-- processes agree. A call that finds nothing in the caches has all it needs from this: the quota and usage, too, as in
-- `quota_and_usage`.
with owner as materialized (
    select k.id as key, k.account, a.email, k.scopes
    from api_key k
    join account a on a.id = k.account
    where k.digest = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
), used as (
    insert into api_key_use as u (api_key, last_used_at)
    select key, now() from owner
    on conflict (api_key) do update set last_used_at = excluded.last_used_at
        where u.last_used_at < excluded.last_used_at - interval '1 minute'
)
select o.key, o.account, o.email, o.scopes, q.parcels, q.updates_per_day, q.disk_bytes,
       coalesce(u.parcels, 0) as used_parcels, coalesce(u.disk_bytes, 0) as used_disk_bytes,
       case when u.day = ((select now()) at time zone 'utc')::date then u.updates else 0 end as used_updates
from owner o
left join account_quota q on q.account = o.account
left join account_usage u on u.account = o.account
