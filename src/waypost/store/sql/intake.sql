-- Intake: updates become changes, events and deliveries in one transaction. The common order of locks: trackings by
-- (bucket, id), then deliveries by id.

-- name: find_trackings
-- The number as a range, in its order: with equality alone, every index that begins with the account costs the same to
-- the planner while the table is young, and it has chosen one that reads all of the account for each number.
select u.position, t.id
from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[])
     with ordinality as u (bucket, account, tracking_number, courier_code, position)
cross join lateral (
    select q.id from tracking q
    where q.bucket = u.bucket and q.account = u.account
      and q.tracking_number >= u.tracking_number and q.tracking_number <= u.tracking_number
      and q.courier_code = u.courier_code
    order by q.tracking_number) t

-- name: lock_if_known
-- What intake needs before it merges updates, in one round trip: their trackings, locked if all of them exist and their
-- states together take $5 bytes at most; the accounts' endpoints; and the clock, which is read after the locks and after
-- the transaction's id was drawn. A locked row is the latest one, even if the lock was waited for. What else the locks
-- protect, the queues, is read later: this snapshot is older than the locks. With an unknown number nothing is locked,
-- since new parcels are inserted before known ones are locked; then what was found is returned, with its size.
-- octet_length reads the size of a state that is stored out of line without fetching it. The number as in
-- `find_trackings`.
with found as materialized (
    select u.position, t.bucket, t.id, t.bytes
    from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[])
         with ordinality as u (bucket, account, tracking_number, courier_code, position)
    cross join lateral (
        select q.bucket, q.id, octet_length(q.state) as bytes from tracking q
        where q.bucket = u.bucket and q.account = u.account
          and q.tracking_number >= u.tracking_number and q.tracking_number <= u.tracking_number
          and q.courier_code = u.courier_code
        order by q.tracking_number) t
), locked as materialized (
    select f.position, t.bucket, t.id, t.account, t.sequence, t.last_event, t.state
    from found f
    join tracking t on t.bucket = f.bucket and t.id = f.id
    where (select count(*) from found) = cardinality($1::smallint[])
      and (select sum(bytes) from found) <= $5::bigint
    order by t.bucket, t.id
    for no key update of t
), clock as materialized (
    select pg_current_xact_id() as writer, clock_timestamp() as now from (select count(*) from locked) as locks
)
select now, null::bigint as position, null::integer as bytes, null::smallint as bucket, null::uuid as id,
       null::uuid as account, null::integer as sequence, null::uuid as last_event, null::bytea as state,
       null::text[] as statuses, null::text as trigger, null::text as ordering, null::boolean as enabled
from clock
union all
select null, position, null, bucket, id, account, sequence, last_event, state, null, null, null, null
from locked
union all
select null, position, bytes, null, id, null, null, null, null, null, null, null, null
from found
where not exists (select from locked)
union all
select null, null, null, null, e.id, e.account, null, null, null, e.statuses, e.trigger, e.ordering, e.enabled
from endpoint e
where e.account = any ($6::uuid[]) and e.deleted_at is null

-- name: register_trackings
-- Sorted by the caller, so that two batches that register the same numbers wait for each other in one order. Times are
-- Unix milliseconds; the states lie in $14. New trackings are watched; $17 are the courier codes that have a source to
-- poll.
with made as (
    insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, sequence, last_event,
                          state, created_at, updated_at, order_number, customer_name)
    select bucket, id, account, tracking_number, courier_code, status, substatus, sequence, last_event,
           substring($14::bytea from first for size),
           'epoch'::timestamptz + created_at * interval '1 millisecond',
           'epoch'::timestamptz + updated_at * interval '1 millisecond', order_number, customer_name
    from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::integer[],
                $9::uuid[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $15::integer[], $16::integer[])
         as n (bucket, account, tracking_number, courier_code, id, status, substatus, sequence, last_event,
               created_at, updated_at, order_number, customer_name, first, size)
    on conflict (account, tracking_number, courier_code, bucket) do nothing
    returning bucket, id, courier_code
), watched as (
    insert into watch (bucket, tracking, courier_code, next_poll_at, expires_at)
    select bucket, id, courier_code, case when courier_code = any ($17::text[]) then (select now()) end,
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

-- name: queues
-- What is ahead of a new delivery in its queue. The key-share lock on the tail conflicts with DELETE only: either a
-- settle waits and its `unblock`, a later statement, sees the new row; or we wait and find the queue empty. It is locked
-- after all were found, by id, as a settle deletes: nobody adds to these queues meanwhile, whose trackings are locked.
with found as materialized (
    select k.bucket, k.tracking, k.endpoint, q.id, q.sequence
    from (select distinct bucket, tracking, endpoint, ordering
          from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[]) as n (bucket, tracking, endpoint, ordering)
          where ordering <> 'unordered') k
    cross join lateral (
        select q.id, q.sequence from due q
        where q.bucket = k.bucket
          and q.tracking = k.tracking and q.endpoint = k.endpoint and q.ordering <> 'unordered'
        order by case when q.blocked then q.sequence end desc nulls last
        limit case when k.ordering = 'ordered' then 1 end) q
)
select f.bucket, f.tracking, f.endpoint, f.id, f.sequence
from (select * from found order by id) f
cross join lateral (select from due q where q.id = f.id for key share) locked

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
-- $7 are Unix milliseconds; the states lie in $10.
update tracking t
set sequence = u.sequence, last_event = u.last_event, status = u.status, substatus = u.substatus,
    state = substring($10::bytea from u.first for u.size),
    updated_at = 'epoch'::timestamptz + u.updated_at * interval '1 millisecond', order_number = u.order_number,
    customer_name = u.customer_name
from unnest($1::smallint[], $2::uuid[], $3::integer[], $4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::text[],
            $9::text[], $11::integer[], $12::integer[])
     as u (bucket, id, sequence, last_event, status, substatus, updated_at, order_number, customer_name, first, size)
where t.bucket = u.bucket and t.id = u.id

-- name: write_few
-- What few updates result in, in one round trip, if no endpoint of theirs wants the latest event only: new trackings,
-- which have an account in $3 and are watched from now on as in `register_trackings`; changes of known ones, which are
-- locked; events; and deliveries. Times are Unix milliseconds; the states of trackings lie in $14, of events in $31. A
-- delivery is blocked if another new one is ahead of it ($41), or if its queue has a tail, which is locked as in
-- `queues`: a settle that comes later waits, and its `unblock` sees the new row; one that came before has left no tail.
-- Nobody else adds to these queues, because the locks of their trackings were taken by an earlier statement: this
-- snapshot has all that was added under them. If a new tracking is missing in the result, somebody else has registered
-- it, and the caller runs the transaction again.
with tracked as materialized (
    select bucket, id, account, tracking_number, courier_code, status, substatus, sequence, last_event,
           substring($14::bytea from first for size) as state,
           'epoch'::timestamptz + created_at * interval '1 millisecond' as created_at,
           'epoch'::timestamptz + updated_at * interval '1 millisecond' as updated_at, order_number, customer_name
    from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::integer[], $9::uuid[], $10::bigint[], $11::bigint[], $12::text[],
                $13::text[], $15::integer[], $16::integer[])
        as n (bucket, id, account, tracking_number, courier_code, status, substatus, sequence, last_event,
              created_at, updated_at, order_number, customer_name, first, size)
), made as (
    insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, sequence, last_event,
                          state, created_at, updated_at, order_number, customer_name)
    select * from tracked n where n.account is not null
    on conflict (account, tracking_number, courier_code, bucket) do nothing
    returning bucket, id, courier_code
), watched as (
    insert into watch (bucket, tracking, courier_code, next_poll_at, expires_at)
    select bucket, id, courier_code, case when courier_code = any ($17::text[]) then (select now()) end,
           now() + interval '30 days'
    from made
), changed as (
    update tracking t
    set sequence = u.sequence, last_event = u.last_event, status = u.status, substatus = u.substatus, state = u.state,
        updated_at = u.updated_at, order_number = u.order_number, customer_name = u.customer_name
    from tracked u
    where t.bucket = u.bucket and t.id = u.id and u.account is null
), written as (
    insert into event (bucket, day, id, account, tracking, tracking_number, courier_code, sequence, status, substatus,
                       previous_status, source, deliveries, skipped, state)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, account, tracking, tracking_number,
           courier_code, sequence, status, substatus, previous_status, source, deliveries, skipped::jsonb,
           substring($31::bytea from first for size)
    from unnest($18::smallint[], $19::uuid[], $20::uuid[], $21::uuid[], $22::text[], $23::text[], $24::integer[],
                $25::text[], $26::text[], $27::text[], $28::text[], $29::smallint[], $30::text[], $32::integer[],
                $33::integer[])
         as n (bucket, id, account, tracking, tracking_number, courier_code, sequence, status, substatus,
               previous_status, source, deliveries, skipped, first, size)
), new as materialized (
    select * from unnest($34::smallint[], $35::uuid[], $36::uuid[], $37::uuid[], $38::uuid[], $39::integer[],
                         $40::text[], $41::boolean[])
        as n (bucket, id, endpoint, tracking, event, sequence, ordering, blocked)
), tails as materialized (
    select k.tracking, k.endpoint, q.id
    from (select distinct bucket, tracking, endpoint from new where ordering <> 'unordered' and not blocked) k
    cross join lateral (
        select q.id from due q
        where q.bucket = k.bucket
          and q.tracking = k.tracking and q.endpoint = k.endpoint and q.ordering <> 'unordered'
        order by case when q.blocked then q.sequence end desc nulls last
        limit 1) q
), standing as materialized (
    select t.tracking, t.endpoint
    from (select * from tails order by id) t
    cross join lateral (select from due q where q.id = t.id for key share) locked
), added as (
    insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, blocked)
    select n.bucket, n.id, n.endpoint, n.tracking, n.event, n.sequence, n.ordering,
           n.blocked or exists (select from standing s where s.tracking = n.tracking and s.endpoint = n.endpoint)
    from new n
    returning endpoint, blocked
)
select endpoint, null::uuid as made from added where not blocked
union all
select null, id from made

-- name: watch_again
-- The poller finds out who answers for one that is polled.
update watch w
set courier_code = n.courier_code, next_poll_at = case when n.polled then (select now()) end, leased_until = null,
    connection = null, rank = 1, unknowns = 0, tried = null,
    unchanged = 0, status_since = now(), expires_at = now() + interval '30 days'
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::boolean[]) as n (bucket, tracking, courier_code, polled)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
