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

-- name: mark_used
insert into api_key_use as u (api_key, last_used_at) values ($1, now())
on conflict (api_key) do update set last_used_at = excluded.last_used_at
    where u.last_used_at < excluded.last_used_at - interval '1 minute'
