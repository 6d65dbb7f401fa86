-- Bulk actions, read, and the deliveries that one resends.

-- name: bulk_actions
select id, account, kind, wanted, query, state, matched, changed, left_out, walked_to, created_at, finished_at
from bulk_action
where account = $1 and ($2::uuid is null or id = $2)
order by id desc
limit $3

-- name: open_bulk_actions
select id from bulk_action where state in ('counting', 'running') order by id

-- name: settled_to_resend
-- Oldest first, so that a parcel's events are queued in their order.
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id > $3 and s.id < $4
            and s.day between $5 and $6 and s.sample is null
          order by s.id limit $7) d
      order by d.id limit $7) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id

-- name: undelivered_to_resend
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id > $3 and s.id < $4
            and s.day between $5 and $6 and s.sample is null and s.state <> 'delivered'
          order by s.id limit $7) d
      order by d.id limit $7) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id

-- name: settled_of_trackings_to_resend
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at, d.sample,
       d.resend_of, d.recovery, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from settled d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.endpoint = any ($2::uuid[]) and d.id > $3 and d.id < $4
  and d.day between $5 and $6 and d.tracking = any ($8::uuid[]) and d.sample is null
order by d.id
limit $7

-- name: events_waiting
-- Which of these events, each with its parcel and endpoint, wait for that endpoint already. By two indexes: one for
-- deliveries in queues and one for the others.
select u.endpoint, u.event
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::uuid[]) as u (bucket, tracking, endpoint, event)
where exists (select from due q
              where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.tracking = u.tracking
                and q.endpoint = u.endpoint and q.event = u.event and q.ordering <> 'unordered')
   or exists (select from due q
              where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.tracking = u.tracking
                and q.endpoint = u.endpoint and q.event = u.event and q.ordering = 'unordered' and q.sample is null)
