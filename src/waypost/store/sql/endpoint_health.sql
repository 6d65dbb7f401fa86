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
-- `accepted_in` is the last hour since its failure began in which an attempt succeeded: dispatchers note a success at
-- once, but one that dies has not, and one that has lost its lane may note a failure after it. `failed` are the attempts
-- that certainly failed since then. Neither may count what was before: the hour of the first failure does so only if
-- nothing succeeded in it, and the endpoint was not enabled in it.
select e.id, e.account, e.url, e.description, e.statuses, e.enabled, e.disabled_reason, e.deleted_at is not null as deleted,
       e.off_since, e.disable_after_days, e.recover_automatically, n.since as failing_since, h.last_error, h.probe,
       h.probed_at, a.hour as accepted_in, f.failed
from endpoint e
left join endpoint_health h on h.endpoint = e.id
cross join lateral (
    select case when h.failing_since is not null then greatest(h.failing_since, e.enabled_at) end as since) n
cross join lateral (
    select max(d.hour) as hour
    from delivery_hours d
    where d.endpoint = e.id and d.day >= (n.since at time zone 'utc')::date
      and d.hour >= date_trunc('hour', n.since, 'utc') and d.attempts > d.failed_attempts) a
cross join lateral (
    select coalesce(sum(d.failed_attempts), 0) as failed
    from delivery_hours d
    where d.endpoint = e.id and d.day >= (n.since at time zone 'utc')::date
      and d.hour >= date_trunc('hour', n.since, 'utc') and (a.hour is null or d.hour > a.hour)
      and (d.hour > n.since or e.enabled_at is null or e.enabled_at < d.hour)) f
where e.id = any ($1::uuid[])

-- name: result_of_probe
select s.state, a.outcome
from settled s
left join attempt a on a.bucket = any ($1::smallint[]) and a.bucket = s.bucket and a.day = s.day and a.delivery = s.id
where s.bucket = any ($1::smallint[]) and s.bucket = $2 and s.day = $3 and s.id = $4 and s.endpoint = $5
order by a.number desc
limit 1
