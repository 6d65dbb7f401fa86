-- The queue: claim, settle, retry, unblock. Time is now(), never clock_timestamp(): a volatile function can't be an index
-- bound. `sequence > 0` is always true: a statement that repeats it may read what waits for an endpoint by its index.
-- The hottest statements name no buckets, since an array of them would be searched for every row. In `due_place` the head
-- of a queue comes first, and then what is blocked: its key is null for the head, otherwise the sequence.

-- name: claim
-- Lanes by endpoint: what one endpoint has waiting costs the others nothing. Only events of today and yesterday are read
-- with it, and `claimed_events` reads older ones: every partition in the plan costs each claim 2 µs. Suspects (`deaths`)
-- are claimed separately, here and below. No more is claimed than a rate limit lets begin within a second. The rows of the endpoints follow, once each: a
-- delivery is sent with its endpoint's settings at the time of the attempt, and a statement of their own would cost as
-- much as this one.
with picked as (
    select d.id
    from unnest($1::uuid[], $2::integer[]) as lane (endpoint, free)
    cross join lateral (
        select q.id from due q
        where q.endpoint = lane.endpoint and not q.blocked and q.sample is null
          and q.resend_of is null and q.deaths < 2
          and q.next_at <= now() and (q.leased_until is null or q.leased_until <= now())
        order by q.next_at
        limit least(lane.free, (select e.rate_limit_per_second from endpoint e where e.id = lane.endpoint))
        for update skip locked) d
), claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $3, leased_until = now() + $4::interval
    where d.id = any (array(select id from picked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.crashes,
              d.deaths, extract(epoch from (select now()) - d.next_at)::float8 as waited
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, e.packed,
       c.cancelling is not null as cancelled, null::text as sample, c.crashes, c.deaths, c.waited, null::uuid as account,
       null::text as email, null::text as url, null::text as version, null::boolean as enabled,
       null::boolean as deleted, null::bytea as secret, null::bytea as previous_secret,
       null::timestamptz as previous_until, null::bytea as headers, null::integer as rate_limit_per_second,
       null::timestamptz as updated_at
from claimed c
left join lateral (
    select e.state as packed from event e
    where e.bucket = c.bucket and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
      and e.day between (now() at time zone 'utc')::date - 1 and (now() at time zone 'utc')::date
    offset 0) e on true
union all
select null, null, e.id, null, null, null, null, null, null, null, null, null, null, null, e.account, a.email, e.url,
       e.version, e.enabled, e.deleted_at is not null, e.secret, e.previous_secret, e.previous_until, e.headers,
       e.rate_limit_per_second, e.updated_at
from endpoint e join account a on a.id = e.account
where e.id = any (array(select endpoint from claimed))

-- name: claimed_events
-- If an event is gone, it has no row here: such a delivery can't be rendered and is settled as failed.
select e.id, e.packed
from unnest($2::smallint[], $3::uuid[]) as u (bucket, id)
cross join lateral (
    select q.id, q.state as packed from event q
    where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket
      and q.day = (uuid_extract_timestamp(u.id) at time zone 'utc')::date and q.id = u.id
    offset 0) e

-- name: add_test
-- Its id is made of the database's time, as every delivery's; that puts it into today's partition when it is settled.
with target as materialized (
    select n.id from endpoint n where n.account = $3 and n.id = $4 and n.deleted_at is null
)
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, sample)
select $1, $2, id, $5, $6, 1, 'unordered', $7 from target
returning id

-- name: insert_test_payload
insert into test_payload (delivery, account, tracking_number, state, body) values ($1, $2, $3, $4, $5)

-- name: delete_old_test_payloads
delete from test_payload
where delivery in (select delivery from test_payload where delivery < $1 order by delivery limit 500)
returning delivery

-- name: claim_by_hand
-- Tests and resends: manual sends wait in no lane, so that neither a backlog, an order, a breaker nor a rate limit
-- holds them up. A resend is retried like others, when its time has come. The endpoints $5 and the accounts $6 have
-- enough of them in flight, and at most $7 are taken of each other endpoint: a script that sends thousands delays
-- nobody else's. It can hide others behind its first 500 in one claim only, because its endpoint is busy in the next.
with waiting as (
    select w.id, w.next_at, row_number() over (partition by w.endpoint order by w.next_at, w.id) as place
    from (select q.id, q.endpoint, q.next_at from due q
          where q.bucket = any ($1::smallint[]) and (q.sample is not null or q.resend_of is not null)
            and q.endpoint <> all ($5::uuid[]) and q.deaths < 2 and q.next_at <= now()
            and (q.leased_until is null or q.leased_until <= now())
            and not exists (select from endpoint e where e.id = q.endpoint and e.account = any ($6::uuid[]))
          order by q.next_at, q.id
          limit 500) w
), picked as (
    select d.id from due d
    where d.bucket = any ($1::smallint[])
      and d.id = any (array(select id from waiting where place <= $7 order by next_at, id limit $2))
      and (d.leased_until is null or d.leased_until <= now())
    for update skip locked
), claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $3, leased_until = now() + $4::interval
    where d.bucket = any ($1::smallint[]) and d.id = any (array(select id from picked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.sample,
              d.crashes, d.deaths
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, coalesce(e.packed, p.state) as packed,
       c.cancelling is not null as cancelled, c.sample, c.crashes, c.deaths, p.body as test_body
from claimed c
left join lateral (
    select e.state as packed from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = c.bucket
      and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
    offset 0) e on true
left join lateral (
    select t.state, t.body from test_payload t where c.sample is not null and t.delivery = c.id
    offset 0) p on true

-- name: suspects
-- Suspects that are due, or in hand of dispatcher $2. Normally the index is empty.
select id, endpoint, deaths, coalesce(leased_until > now(), false) as in_hand from due
where bucket = any ($1::smallint[]) and deaths >= 2 and next_at <= now()
  and (leased_until is null or leased_until <= now() or leased_by = $2)
order by next_at, id
limit 1000

-- name: claim_suspects
with claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $3, leased_until = now() + $4::interval
    where d.bucket = any ($1::smallint[]) and d.id = any (array(
        select q.id from due q
        where q.bucket = any ($1::smallint[]) and q.id = any ($2::uuid[]) and q.deaths >= 2
          and (q.leased_until is null or q.leased_until <= now())
        for update skip locked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.sample,
              d.crashes, d.deaths
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, coalesce(e.packed, p.state) as packed,
       c.cancelling is not null as cancelled, c.sample, c.crashes, c.deaths, p.body as test_body
from claimed c
left join lateral (
    select e.state as packed from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = c.bucket
      and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
    offset 0) e on true
left join lateral (
    select t.state, t.body from test_payload t where c.sample is not null and t.delivery = c.id
    offset 0) p on true

-- name: scout
-- The lanes and when each is next due: one index probe for each endpoint, not for each row.
with recursive lane (endpoint, next_at) as (
    (select endpoint, next_at from due
     where bucket = any ($1::smallint[]) and not blocked and sample is null and resend_of is null and deaths < 2
       and (leased_until is null or leased_until <= now())
     order by endpoint, next_at limit 1)
    union all
    select d.endpoint, d.next_at from lane l cross join lateral (
        select q.endpoint, q.next_at from due q
        where q.bucket = any ($1::smallint[]) and not q.blocked and q.sample is null and q.resend_of is null
          and q.deaths < 2 and (q.leased_until is null or q.leased_until <= now()) and q.endpoint > l.endpoint
        order by q.endpoint, q.next_at limit 1) d
)
select endpoint, extract(epoch from next_at - now())::float8 as due_in from lane

-- name: lane_endpoints
-- Each delivery is sent with its endpoint's settings at the time of the attempt.
select e.id, e.account, a.email, e.url, e.version, e.enabled, e.deleted_at is not null as deleted, e.secret,
       e.previous_secret, e.previous_until, e.headers, e.rate_limit_per_second, e.updated_at
from endpoint e join account a on a.id = e.account
where e.id = any ($1::uuid[])

-- name: hold
-- Are these leases still ours? Sorted by id: the same order of locks as intake. A retry keeps the fencing number until it
-- is claimed again: its tries show that a result was already recorded by a commit whose answer was lost. Two results of
-- one delivery may arrive at once, the older one of a lost lease.
select d.id, u.lease_no, d.ordering, d.cancelling, now() as now
from unnest($1::uuid[], $2::integer[], $3::integer[]) as u (id, lease_no, tries)
cross join lateral (
    select * from due q
    where q.id = u.id and q.lease_no = u.lease_no and q.tries = u.tries
    for update) d

-- name: settle_delivered
-- `hold` and `settle` in one, for a batch in which nothing has to be decided in between: a delivery that was accepted is
-- delivered even if it was to be cancelled. The index by id deletes them in the order of locks. `unblock` has to follow,
-- and a rollback if fewer are held than were asked for: what is deleted here may be under a lease that is not ours.
with gone as (
    delete from due where id = any ($1::uuid[]) returning *
), ended as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, tries, sample, resend_of,
                         recovery, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'delivered', tries + 1, sample, resend_of, recovery, now()
    from gone
)
select (select count(*) from gone q
        join unnest($1::uuid[], $2::integer[], $3::integer[]) as u (id, lease_no, tries)
          on q.id = u.id and q.lease_no = u.lease_no and q.tries = u.tries) as held,
       exists (select from gone where ordering <> 'unordered') as ordered, now() as now

-- name: settle
-- Only what `hold` returned, one call for each outcome. No join on due.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) returning *
)
insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                     recovery, settled_at)
select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
       $3::text, $4::text, tries + $5::integer, sample, resend_of, recovery, now()
from gone

-- name: retry
-- At most 100 per call: the join is quadratic. `tried` is 0 for what is given back without an attempt. A delivery that
-- was tried, or crashed, has not ended the process: its deaths were not in a row.
update due d
set tries = d.tries + u.tried, crashes = d.crashes + u.crashed, next_at = u.next_at, leased_by = null,
    leased_until = null, deaths = case when u.tried + u.crashed = 0 then d.deaths else 0 end
from unnest($2::uuid[], $3::timestamptz[], $4::integer[], $5::integer[]) as u (id, next_at, tried, crashed)
where d.bucket = any ($1::smallint[]) and d.id = any ($2::uuid[]) and d.id = u.id

-- name: known_attempts
-- Run only for late results: after a commit whose outcome was not seen, its attempts may be stored already.
select delivery, number from attempt
where bucket = any ($1::smallint[]) and day = any ($2::date[]) and delivery = any ($3::uuid[])

-- name: note_health
-- `pause`: the seconds until the breaker's next probe, null if it is not open.
insert into endpoint_health as h (endpoint, failing_since, last_error, last_success_at, paused_until)
select endpoint, case when error is not null then (select now()) end, error,
       case when error is null then (select now()) end, (select now()) + pause * interval '1 second'
from unnest($1::uuid[], $2::text[], $3::float8[]) as n (endpoint, error, pause)
on conflict (endpoint) do update
set failing_since = case when excluded.last_error is not null then coalesce(h.failing_since, excluded.failing_since) end,
    last_error = coalesce(excluded.last_error, h.last_error),
    last_success_at = coalesce(excluded.last_success_at, h.last_success_at), paused_until = excluded.paused_until

-- name: unblock
-- A separate statement, for a new snapshot, in the settle's transaction: in one statement with the delete, a successor
-- that was inserted meanwhile would stay blocked for ever. Repeated while `vanished` is above 0.
-- The attempts, and what they add to this dispatcher's own rows of the hour, are written beside it, which saves a round
-- trip. Both are JSON, because an array of arrays has no rows, and twenty arrays cost more than one text.
with first as (
    select f.id
    from (select distinct tracking, endpoint from unnest($1::uuid[], $2::uuid[]) as n (tracking, endpoint)) k
    cross join lateral (
        select q.id, q.blocked from due q
        where q.tracking = k.tracking and q.endpoint = k.endpoint and q.ordering <> 'unordered'
        order by case when q.blocked then q.sequence end nulls first
        limit 1) f
    where f.blocked
), freed as (
    update due d set blocked = false, next_at = now()
    where d.id = any (array(select id from first))
    returning d.endpoint
), counted as (
    insert into delivery_hours as h
        (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, flawed_answers, timed_out,
         timed_out_ms, latency, arrival)
    select endpoint, (now() at time zone 'utc')::date, date_trunc('hour', now(), 'utc'), $3, delivered, failed,
           attempts, failed_attempts, flawed_answers, timed_out, timed_out_ms, latency, arrival
    from json_to_recordset($4::json)
         as u (endpoint uuid, delivered integer, failed integer, attempts integer, failed_attempts integer,
               flawed_answers integer, timed_out integer, timed_out_ms bigint, latency integer[], arrival integer[])
    on conflict (endpoint, hour, dispatcher, day) do update
    set delivered = h.delivered + excluded.delivered, failed = h.failed + excluded.failed,
        attempts = h.attempts + excluded.attempts, failed_attempts = h.failed_attempts + excluded.failed_attempts,
        flawed_answers = h.flawed_answers + excluded.flawed_answers,
        timed_out = h.timed_out + excluded.timed_out, timed_out_ms = h.timed_out_ms + excluded.timed_out_ms,
        latency = array(select a + b from unnest(h.latency, excluded.latency) as both_ (a, b)),
        arrival = array(select coalesce(a, 0) + coalesce(b, 0)
                        from unnest(h.arrival, excluded.arrival) as both_ (a, b))
), kept as (
    insert into attempt (bucket, day, delivery, number, started_at, duration_ms, version, outcome, status_code,
                         retry_after_seconds, url, signed_at, signatures, user_agent, own_headers,
                         body_sha256, body_length, response_headers, response_body, response_truncated, reason)
    select bucket, (uuid_extract_timestamp(delivery) at time zone 'utc')::date, delivery, number, started_at, duration_ms,
           version, outcome, status_code, retry_after_seconds, url, signed_at, decode(signatures, 'base64'), user_agent,
           own_headers, decode(body_sha256, 'base64'), body_length, response_headers::jsonb,
           decode(response_body, 'base64'), response_truncated, reason
    from json_to_recordset($5::json)
         as a (bucket smallint, delivery uuid, number integer, started_at timestamptz, duration_ms integer, version text,
               outcome text, status_code smallint, retry_after_seconds integer, url text, signed_at bigint,
               signatures text, user_agent text, own_headers text[], body_sha256 text,
               body_length integer, response_headers text, response_body text, response_truncated boolean, reason text)
)
select (select count(*) from first) - (select count(*) from freed) as vanished,
       array(select distinct endpoint::text from freed) as endpoints

-- name: newer
-- Which heads of queues have a newer event of their parcel behind them; a recovered one behind them is older.
select u.id
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::integer[])
     as u (bucket, id, tracking, endpoint, sequence)
where exists (select from due q
              where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.tracking = u.tracking
                and q.endpoint = u.endpoint and q.ordering <> 'unordered' and q.sequence > u.sequence)

-- name: lane_queues
-- The queues of an endpoint that was disabled or deleted, a bounded number at a time. Tests are kept.
select bucket, tracking, id from due
where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and sample is null limit 500

-- name: cancel
-- Under the tracking's row lock. Deliveries in flight are marked: the running attempt settles it.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is null returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                         recovery, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'cancelled', $3::text, tries, sample, resend_of, recovery, now()
    from gone
), marked as (
    update due set cancelling = $3
    where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is not null
    returning 1
)
select (select count(*) from gone) as cancelled, (select count(*) from marked) as marked

-- name: blocked_of_endpoint
select bucket, tracking, id from due
where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and id > $3 and blocked
order by id
limit 500

-- name: free
-- Under the trackings' row locks.
update due set ordering = 'unordered', blocked = false, next_at = now()
where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and blocked

-- name: disable_endpoint
update endpoint set enabled = false, disabled_reason = $2, off_since = now(), updated_at = now()
where id = $1 and enabled and deleted_at is null
