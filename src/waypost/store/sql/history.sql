-- The webhook history as people search it.

-- name: retried_deliveries
-- Unsettled deliveries that were tried: an index of their own finds them among however many were not.
select d.*, null::text as state, null::text as reason, null::timestamptz as settled_at, h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
             d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from due q
          where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and q.tries > 0
            and q.id >= $3 and q.id < $4 and ($5::text is null or not q.blocked)
            and (not $7::boolean or q.sample is null)
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

-- name: last_attempts
-- Of each delivery $3, with its bucket $2 and day $4.
select d.id as delivery, a.started_at, a.duration_ms, a.outcome, a.status_code, a.reason
from unnest($2::smallint[], $3::uuid[], $4::date[]) as d (bucket, id, day)
cross join lateral (
    select t.started_at, t.duration_ms, t.outcome, t.status_code, t.reason from attempt t
    where t.bucket = any ($1::smallint[]) and t.bucket = d.bucket and t.delivery = d.id and t.day = d.day
    order by t.number desc limit 1) a

-- name: tracking_of_event
select tracking from event where bucket = any ($1::smallint[]) and id = $2 and day = $3 and account = $4

-- name: trackings_searched
-- Numbers that begin with [$3, $4) or, reversed, with [$5, $6), and order numbers that begin with [$7, $8) or [$9, $10).
-- At most $11 of each are read, in the order of their index; `place` says whether there may be more.
select id, row_number() over () as place
from (select id from tracking
      where bucket = any ($1::smallint[]) and account = $2 and tracking_number >= $3 and tracking_number < $4
      order by tracking_number limit $11) t
union all
select id, row_number() over ()
from (select id from tracking
      where bucket = any ($1::smallint[]) and account = $2
        and reverse(tracking_number) >= $5 and reverse(tracking_number) < $6
      order by reverse(tracking_number) limit $11) t
union all
select id, row_number() over ()
from (select id from tracking
      where bucket = any ($1::smallint[]) and account = $2 and order_number >= $7 and order_number < $8
      order by order_number limit $11) t
union all
select id, row_number() over ()
from (select id from tracking
      where bucket = any ($1::smallint[]) and account = $2 and order_number >= $9 and order_number < $10
      order by order_number limit $11) t
union all
select id, row_number() over ()
from (select id from deleted_tracking
      where bucket = any ($1::smallint[]) and account = $2 and tracking_number >= $3 and tracking_number < $4
      order by tracking_number limit $11) t

-- name: neighbours
-- The deliveries of the same parcel and endpoint before and after $4, by id; tests have none.
with same as (
    select id from due
    where bucket = any ($1::smallint[]) and tracking = $2 and endpoint = $3 and ordering <> 'unordered'
    union all
    select id from due
    where bucket = any ($1::smallint[]) and tracking = $2 and endpoint = $3 and ordering = 'unordered'
      and sample is null
    union all
    (select id from settled
     where bucket = any ($1::smallint[]) and tracking = $2 and endpoint = $3 and id < $4 order by id desc limit 1)
    union all
    (select id from settled
     where bucket = any ($1::smallint[]) and tracking = $2 and endpoint = $3 and id > $4 order by id limit 1)
)
select (select id from same where id < $4 order by id desc limit 1) as previous,
       (select id from same where id > $4 order by id limit 1) as next
