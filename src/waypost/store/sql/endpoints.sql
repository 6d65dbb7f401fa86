-- Endpoints as the API manages them. Deleted ones stay as rows: their deliveries are still history.

-- name: lock_account
-- Creations of endpoints and keys of one account are serialised, so that none exceeds the limit.
select id from account where id = $1 for no key update

-- name: endpoint_ids
select id from endpoint where account = $1 and deleted_at is null

-- name: add_endpoint
-- Nothing is inserted, and nothing returned, if the account has $12 endpoints already.
with known as materialized (
    select count(*) as endpoints from endpoint where account = $2 and deleted_at is null
)
insert into endpoint (id, account, url, description, version, statuses, trigger, ordering, rate_limit_per_second,
                      headers, secret)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from known where endpoints < $12
returning id

-- name: endpoints
select e.id, e.account, e.url, e.description, e.version, e.statuses, e.trigger, e.ordering,
       e.rate_limit_per_second, e.enabled, e.disabled_reason, e.headers, e.created_at, e.updated_at, h.failing_since,
       h.last_error, h.last_success_at, e.off_since
from endpoint e left join endpoint_health h on h.endpoint = e.id
where e.account = $1 and e.deleted_at is null and ($2::uuid is null or e.id = $2) and ($3::uuid is null or e.id < $3)
order by e.id desc
limit $4

-- name: endpoint_secrets
select secret as current, case when previous_until > now() then previous_secret end as previous,
       case when previous_until > now() then previous_until end as previous_until
from endpoint where account = $1 and id = $2 and deleted_at is null

-- name: rotate_secret
-- Of two rotations within one overlap the first secret is dropped: only one besides the current one may sign.
update endpoint
set secret = $3, previous_secret = case when $4::interval > '0' then secret end,
    previous_until = case when $4::interval > '0' then (select now()) + $4 end, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: end_rotation
update endpoint set previous_secret = null, previous_until = null, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: lock_endpoint
select id from endpoint where account = $1 and id = $2 and deleted_at is null for no key update

-- name: change_endpoint
update endpoint
set url = $3, description = $4, version = $5, statuses = $6, trigger = $7, ordering = $8,
    rate_limit_per_second = $9, headers = $10, updated_at = now()
where account = $1 and id = $2 and deleted_at is null

-- name: switch_endpoint
-- A reason disables it, null enables it. If it is so already, reason and time stay.
update endpoint
set enabled = $3::text is null, disabled_reason = $3, off_since = case when $3::text is not null then (select now()) end,
    updated_at = now()
where account = $1 and id = $2 and deleted_at is null and enabled is distinct from ($3::text is null)

-- name: delete_endpoint
update endpoint
set enabled = false, disabled_reason = coalesce(disabled_reason, 'user'), deleted_at = now(), updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning id

-- name: waiting_of_endpoint
-- Counted up to a limit, so that a backlog costs no more than its first thousands.
select count(*) as waiting
from (select from due where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and sample is null
      limit $3) d

-- name: skipped_of_endpoint
-- The account's newest events that made no delivery for an endpoint, and why. $3 is its id as hex.
select e.id, e.tracking, e.tracking_number, e.courier_code, e.status, e.skipped ->> $3 as reason
from (select id, tracking, tracking_number, courier_code, status, skipped
      from event
      where bucket = any ($1::smallint[]) and account = $2
      order by id desc limit $5) e
where e.skipped ? $3
order by e.id desc
limit $4

-- name: named_endpoints
select id, url, description, deleted_at is not null as deleted from endpoint
where account = $1
order by deleted_at is not null, id desc
limit $2
