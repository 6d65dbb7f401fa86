-- Intake: updates become changes, events and deliveries in one transaction. The common order of locks: trackings by
-- (bucket, id), then queues by (bucket, tracking, endpoint).

-- name: find_trackings
-- The number as a range, in its order: with equality alone, every index that begins with the account costs the same to
-- the planner while the table is young, and it has chosen one that reads all of the account for each number.
-- octet_length reads the size of a state that is stored out of line without fetching it.
select u.position, t.id, octet_length(t.state) as bytes
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[])
     with ordinality as u (bucket, account, tracking_number, courier_code, position)
cross join lateral (
    select q.id, q.state from tracking q
    where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.account = u.account
      and q.tracking_number >= u.tracking_number and q.tracking_number <= u.tracking_number
      and q.courier_code = u.courier_code
    order by q.tracking_number) t

-- name: register_trackings
-- Sorted by the caller, so that two batches that register the same numbers wait for each other in one order. New
-- trackings are watched; $9 are the courier codes that have a source to poll.
with made as (
    insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state, created_at,
                          updated_at, order_number)
    select bucket, id, account, tracking_number, courier_code, 'pending', 'pending001', state, at, at, order_number
    from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bytea[], $7::timestamptz[],
                $8::text[]) as n (bucket, account, tracking_number, courier_code, id, state, at, order_number)
    on conflict (account, tracking_number, courier_code, bucket) do nothing
    returning bucket, id, courier_code
), watched as (
    insert into watch (bucket, tracking, courier_code, next_poll_at, expires_at)
    select bucket, id, courier_code, case when courier_code = any ($9::text[]) then (select now()) end,
           now() + interval '30 days'
    from made
)
select id from made

-- name: lock_trackings
-- One writer per parcel; only then is the clock read and are ids made, so a parcel's ids rise with its sequence.
select t.bucket, t.id, t.account, t.sequence, t.last_event, t.state
from tracking t
join unnest($2::smallint[], $3::uuid[]) as u (bucket, id) on t.bucket = u.bucket and t.id = u.id
where t.bucket = any ($1::smallint[])
order by t.bucket, t.id
for no key update of t

-- name: clock
-- The transaction's id is drawn before the time: whoever reads the horizon after this time sees this transaction.
select pg_current_xact_id(), clock_timestamp() as now

-- name: fan_out
select id, account, statuses, trigger, ordering, enabled
from endpoint
where account = any ($1::uuid[]) and deleted_at is null

-- name: queues
-- What is ahead of a new delivery in its queue. The key-share lock on the tail conflicts with DELETE only: either a
-- settle waits and its `unblock`, a later statement, sees the new row; or we wait and find the queue empty.
select k.bucket, k.tracking, k.endpoint, q.id, q.sequence
from (select distinct bucket, tracking, endpoint, ordering
      from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::text[]) as n (bucket, tracking, endpoint, ordering)
      where ordering <> 'unordered'
      order by bucket, tracking, endpoint) k
cross join lateral (
    select q.id, q.sequence from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = k.bucket
      and q.tracking = k.tracking and q.endpoint = k.endpoint and q.ordering <> 'unordered'
    order by q.sequence desc
    limit case when k.ordering = 'ordered' then 1 end
    for key share) q

-- name: supersede
-- $2 are older events in queues of an endpoint that wants the latest only; what was queued under another ordering
-- stays. Deliveries in flight stay, too: their attempts settle them.
with gone as (
    delete from due
    where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and ordering = 'latest' and leased_until is null
    returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, recovery,
                         settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'superseded', $3::text, tries, recovery, now()
    from gone
)
select id from gone

-- name: add_superseded
insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, recovery, settled_at)
select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
       'superseded', $1::text, 0, recovery, now()
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::integer[], $8::uuid[])
     as n (bucket, id, endpoint, tracking, event, sequence, recovery)

-- name: change_trackings
update tracking t
set sequence = u.sequence, last_event = u.last_event, status = u.status, substatus = u.substatus, state = u.state,
    updated_at = u.updated_at, order_number = u.order_number
from unnest($2::smallint[], $3::uuid[], $4::integer[], $5::uuid[], $6::text[], $7::text[], $8::bytea[],
            $9::timestamptz[], $10::text[])
     as u (bucket, id, sequence, last_event, status, substatus, state, updated_at, order_number)
where t.bucket = any ($1::smallint[]) and t.bucket = u.bucket and t.id = u.id

-- name: watch_again
update watch w
set courier_code = n.courier_code, next_poll_at = case when n.polled then (select now()) end, leased_until = null,
    connection = null, rank = 1, unknowns = 0, tried = null,
    unchanged = 0, status_since = now(), expires_at = now() + interval '30 days'
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::boolean[]) as n (bucket, tracking, courier_code, polled)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
