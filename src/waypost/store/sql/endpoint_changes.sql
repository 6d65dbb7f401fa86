-- Endpoints, written. Deleted ones stay as rows: their deliveries are still history.

-- name: endpoint_ids
select id from endpoint where account = $1 and deleted_at is null

-- name: insert_endpoint
-- Nothing is inserted, and nothing returned, if the account has $14 endpoints already.
with known as materialized (
    select count(*) as endpoints from endpoint where account = $2 and deleted_at is null
)
insert into endpoint (id, account, url, description, version, statuses, trigger, ordering, rate_limit_per_second,
                      headers, disable_after_days, recover_automatically, secret)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 from known where endpoints < $14
returning id

-- name: update_secret
-- Of two rotations within one overlap the first secret is dropped: only one besides the current one may sign.
update endpoint
set secret = $3, previous_secret = case when $4::interval > '0' then secret end,
    previous_until = case when $4::interval > '0' then (select now()) + $4 end, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: delete_previous_secret
update endpoint set previous_secret = null, previous_until = null, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: lock_endpoint
select id from endpoint where account = $1 and id = $2 and deleted_at is null for no key update

-- name: update_endpoint
update endpoint
set url = $3, description = $4, version = $5, statuses = $6, trigger = $7, ordering = $8,
    rate_limit_per_second = $9, headers = $10, disable_after_days = $11, recover_automatically = $12,
    updated_at = now()
where account = $1 and id = $2 and deleted_at is null

-- name: update_enabled
-- A reason disables it, null enables it. If it is so already, reason and time stay; but what Waypost disabled, a person
-- can disable for good. Whoever enables it starts afresh: it fails since the next failure, not since the last ones.
with changed as (
    update endpoint
    set enabled = $3::text is null, disabled_reason = $3,
        off_since = case when $3::text is not null then coalesce(off_since, (select now())) end,
        enabled_at = case when $3::text is null then (select now()) else enabled_at end, updated_at = now()
    where account = $1 and id = $2 and deleted_at is null
      and (enabled is distinct from ($3::text is null) or (disabled_reason = 'failing' and $3 = 'user'))
    returning id
)
update endpoint_health set failing_since = null
where $3::text is null and endpoint = any (array(select id from changed))

-- name: delete_endpoint
update endpoint
set enabled = false, disabled_reason = coalesce(disabled_reason, 'user'), deleted_at = now(), updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning id
