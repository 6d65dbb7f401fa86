-- Deliveries as people look at them. A list is read endpoint by endpoint, newest first by id, and joined to its events
-- only for what is shown: a page costs the same whatever waits or has been settled. $2 are the endpoints (deleted ones
-- too), ids lie in [$3, $4). `offset 0` keeps the planner from reading whole partitions of events for a hash.

-- name: endpoints_ever
select id from endpoint where account = $1 and ($2::uuid is null or id = $2)

-- name: unsettled_deliveries
-- $5: null for any, otherwise one of waiting, retrying, blocked.
select d.*, null::text as state, null::text as reason, null::timestamptz as settled_at, h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
             d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from due q
          where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and q.sequence > 0
            and q.id >= $3 and q.id < $4
            and (not $7::boolean or q.sample is null)
            and ($5::text is null or $5 = case when q.blocked then 'blocked' when q.tries > 0 then 'retrying'
                                               else 'waiting' end)
          order by q.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: settled_deliveries
-- The days $8 to $9 are those of the ids: they choose the partitions.
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and (not $7::boolean or s.sample is null) and s.day between $8 and $9 and ($5::text is null or s.state = $5)
          order by s.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: undelivered_deliveries
-- Those that did not end as delivered have an index of their own: they are few among many.
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and (not $7::boolean or s.sample is null) and s.day between $8 and $9
            and s.state <> 'delivered' and ($5::text is null or s.state = $5)
          order by s.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: test_deliveries
-- Tests have an index of their own, like those that were not delivered. They have no event.
select d.*, null::uuid as blocked_by, null::text as tracking_number, null::text as courier_code, null::text as status,
       null::text as substatus
from (select d.*
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select s.bucket, s.id, s.endpoint, s.tracking, s.event, s.sequence, s.tries, s.state, s.reason, s.settled_at,
                 s.sample, s.resend_of, s.recovery, false as blocked, null::timestamptz as next_at
          from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and s.day between $7 and $8 and s.sample is not null and ($5::text is null or s.state = $5)
          order by s.id desc limit $6) d
      union all
      select q.bucket, q.id, q.endpoint, q.tracking, q.event, q.sequence, q.tries, null, null, null, q.sample,
             q.resend_of, q.recovery, q.blocked, q.next_at
      from due q
      where q.bucket = any ($1::smallint[]) and q.endpoint = any ($2::uuid[]) and q.id >= $3 and q.id < $4
        and q.sequence > 0 and q.sample is not null and ($5::text is null or $5 = 'waiting')
      order by id desc limit $6) d

-- name: trackings_with_number
-- Including deleted ones: their history stays.
select id from tracking where bucket = any ($1::smallint[]) and account = $2 and tracking_number = $3
union all
select id from deleted_tracking where bucket = any ($1::smallint[]) and account = $2 and tracking_number = $3

-- name: unsettled_of_trackings
-- Two indexes: one for deliveries in queues and one for the others.
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
       d.resend_of, d.recovery, null::text as state, null::text as reason, null::timestamptz as settled_at,
       h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select * from due where tracking = any ($8::uuid[]) and ordering <> 'unordered'
      union all
      select * from due where tracking = any ($8::uuid[]) and ordering = 'unordered' and sample is null) d
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.endpoint = any ($2::uuid[]) and d.id >= $3 and d.id < $4
  and (not $7::boolean or d.sample is null)
  and ($5::text is null or $5 = case when d.blocked then 'blocked' when d.tries > 0 then 'retrying' else 'waiting' end)
order by d.id desc
limit $6

-- name: settled_of_trackings
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at, d.sample,
       d.resend_of, d.recovery, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from settled d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.endpoint = any ($2::uuid[]) and d.id >= $3 and d.id < $4
  and (not $7::boolean or d.sample is null) and d.day between $8 and $9 and d.tracking = any ($10::uuid[])
  and ($5::text is null or d.state = $5)
order by d.id desc
limit $6

-- name: unsettled_delivery
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
       d.resend_of, d.recovery, null::text as state, null::text as reason, null::timestamptz as settled_at,
       h.id as blocked_by,
       coalesce(e.tracking_number, p.tracking_number) as tracking_number, e.courier_code, e.status, e.substatus,
       coalesce(e.state, p.state) as packed, p.body as test_body
from due d
join endpoint n on n.id = d.endpoint and n.account = $2
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
left join lateral (
    select * from test_payload t where d.sample is not null and t.delivery = d.id
    offset 0) p on true
where d.bucket = any ($1::smallint[]) and d.id = $3

-- name: settled_delivery
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at, d.sample,
       d.resend_of, d.recovery, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       coalesce(e.tracking_number, p.tracking_number) as tracking_number, e.courier_code, e.status, e.substatus,
       coalesce(e.state, p.state) as packed, p.body as test_body
from endpoint n
cross join lateral (
    select * from settled s
    where s.bucket = any ($1::smallint[]) and s.endpoint = n.id and s.id = $3 and s.day = $4
    offset 0) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
left join lateral (
    select * from test_payload t where d.sample is not null and t.delivery = d.id
    offset 0) p on true
where n.account = $2

-- name: attempts
-- Signatures are stored as their digests: 32 bytes in the version's own way, then 32 or 64 of Standard Webhooks. Attempts
-- that were stored before the migration 0037 have them as they were sent.
select number, started_at, duration_ms, version, outcome, status_code, retry_after_seconds, url, signed_at,
       coalesce(encode(substring(signatures for 32), 'hex'), signature) as signature,
       coalesce('v1,' || encode(substring(signatures from 33 for 32), 'base64')
                || case when length(signatures) > 64
                        then ' v1,' || encode(substring(signatures from 65), 'base64') else '' end,
                webhook_signature) as webhook_signature,
       user_agent, own_headers as custom_headers, body_sha256, body_length, response_headers,
       response_body, response_truncated, reason
from attempt
where bucket = any ($1::smallint[]) and delivery = $2 and day = $3
order by number

-- name: failed_attempts
-- No index leads from an endpoint to its attempts: they are found through its newest deliveries that may have failed
-- attempts. Waiting deliveries are searched among those that were tried, however many were not; delivered ones among
-- the newest.
select d.id as delivery, a.started_at, a.outcome, a.reason, a.status_code, a.location, a.body
from (select * from (
          (select bucket, id from due
           where bucket = any ($1::smallint[]) and endpoint = $2 and tries > 0 order by id desc limit $4)
          union
          (select bucket, id from settled
           where bucket = any ($1::smallint[]) and endpoint = $2 and state <> 'delivered' order by id desc limit $4)
          union
          select s.bucket, s.id
          from (select * from settled
                where bucket = any ($1::smallint[]) and endpoint = $2 order by id desc limit $4) s
          where s.tries > 1) d
      order by id desc limit $4) d
cross join lateral (
    select t.started_at, t.outcome, t.reason, t.status_code, substring(t.response_body for 600) as body,
           (select left(h ->> 1, 2049) from jsonb_array_elements(t.response_headers) h
            where t.outcome = 'http_3xx' and h ->> 0 = 'location' limit 1) as location
    from attempt t
    where t.bucket = any ($1::smallint[]) and t.bucket = d.bucket and t.delivery = d.id
      and t.day = (uuid_extract_timestamp(d.id) at time zone 'utc')::date
      and t.started_at > now() - interval '24 hours' and t.outcome <> 'succeeded' and t.url = $3
    offset 0) a
order by a.started_at desc
limit $4

-- name: numbers_of_tests
select delivery, tracking_number from test_payload where delivery = any ($1::uuid[])
