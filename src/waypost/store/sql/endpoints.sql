-- Endpoints, read.

-- name: endpoints
select e.id, e.account, e.url, e.description, e.version, e.statuses, e.trigger, e.ordering,
       e.rate_limit_per_second, e.enabled, e.disabled_reason, e.headers, e.created_at, e.updated_at, h.failing_since,
       h.last_error, h.last_success_at, e.off_since, e.disable_after_days, e.recover_automatically, h.probed_at,
       h.paused_until
from endpoint e left join endpoint_health h on h.endpoint = e.id
where e.account = $1 and e.deleted_at is null and ($2::uuid is null or e.id = $2) and ($3::uuid is null or e.id < $3)
order by e.id desc
limit $4

-- name: https_urls
-- Of all accounts, for `waypost doctor`.
select distinct url from endpoint where enabled and url like 'https:%' order by url limit $1

-- name: endpoint_secrets
select secret as current, case when previous_until > now() then previous_secret end as previous,
       case when previous_until > now() then previous_until end as previous_until
from endpoint where account = $1 and id = $2 and deleted_at is null

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
