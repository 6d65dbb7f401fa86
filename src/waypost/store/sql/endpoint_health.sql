-- How endpoints do, for the keeper: whom to warn, whom to disable, whom to try again.

-- name: rejected_deliveries
-- The endpoints with a delivery that has failed $2 times: one look-up in the index for each endpoint that has something
-- to retry, and of each the oldest hundred, which have failed most often.
with recursive lane (endpoint) as (
    (select endpoint from due where bucket = any ($1::smallint[]) and tries > 0 order by endpoint, id limit 1)
    union all
    select d.endpoint from lane l cross join lateral (
        select q.endpoint from due q
        where q.bucket = any ($1::smallint[]) and q.tries > 0 and q.endpoint > l.endpoint
        order by q.endpoint, q.id limit 1) d
)
select l.endpoint, t.tries
from lane l
cross join lateral (
    select max(o.tries) as tries
    from (select q.tries from due q
          where q.bucket = any ($1::smallint[]) and q.endpoint = l.endpoint and q.tries > 0
          order by q.id limit 100) o) t
where t.tries >= $2

-- name: troubled_endpoints
-- Those that fail, and those that Waypost disabled or that answered 410.
select h.endpoint as id
from endpoint_health h join endpoint e on e.id = h.endpoint
where h.failing_since is not null and e.enabled
union
select id from endpoint where disabled_reason in ('gone', 'failing') and deleted_at is null

-- name: health_of_endpoints
-- An endpoint that was enabled while it failed starts fresh. `accepted` are attempts that succeeded in the hours since:
-- then it does not fail, whatever the last dispatcher of its lane noted.
select e.id, e.account, e.url, e.statuses, e.enabled, e.disabled_reason, e.deleted_at is not null as deleted,
       e.off_since, e.enabled_at, e.disable_after_days, e.recover_automatically, h.failing_since, h.last_error, h.probe,
       h.probed_at, coalesce(a.failed, 0) as failed, coalesce(a.accepted, 0) as accepted
from endpoint e
left join endpoint_health h on h.endpoint = e.id
cross join lateral (
    select sum(d.failed_attempts) as failed,
           sum(d.attempts - d.failed_attempts) filter (where d.hour > h.failing_since) as accepted
    from delivery_hours d
    where d.endpoint = e.id and d.day >= (h.failing_since at time zone 'utc')::date
      and d.hour >= date_trunc('hour', h.failing_since, 'utc')) a
where e.id = any ($1::uuid[])

-- name: result_of_probe
select s.state, a.outcome
from settled s
left join attempt a on a.bucket = any ($1::smallint[]) and a.bucket = s.bucket and a.day = s.day and a.delivery = s.id
where s.bucket = any ($1::smallint[]) and s.bucket = $2 and s.day = $3 and s.id = $4
order by a.number desc
limit 1
