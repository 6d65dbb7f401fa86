-- Single trackings, written under their row lock.

-- name: lock_tracking
-- The id as a range, in its order, for the reason given at `find_trackings`.
select t.bucket, t.id, t.account, t.sequence, t.last_event, t.state
from tracking t
where t.bucket = any ($1::smallint[]) and t.account = $2 and t.id >= $3 and t.id <= $3
order by t.id
for no key update

-- name: update_tracking
update tracking
set courier_code = $3, archived = $4, order_number = $5, state = $6, updated_at = $7, customer_name = $8
where bucket = any ($1::smallint[]) and id = $2

-- name: deliveries_of_tracking
-- Two indexes: what waits in its order, and what is outside of it.
select id from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering <> 'unordered'
union all
select id from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering = 'unordered' and sample is null

-- name: delete_tracking
with gone as (
    delete from tracking where bucket = any ($1::smallint[]) and id = $2 returning bucket, id, account, tracking_number
), unwatched as (
    delete from watch where bucket = any ($1::smallint[]) and tracking = $2
)
insert into deleted_tracking (bucket, day, id, account, tracking_number)
select bucket, (now() at time zone 'utc')::date, id, account, tracking_number from gone

-- name: poll_soon
-- Not sooner after the last poll than $3; a running poll is soon enough.
update watch
set next_poll_at = least(coalesce(next_poll_at, 'infinity'), greatest((select now()), last_polled_at + $3::interval)),
    wanted = true
where bucket = any ($1::smallint[]) and tracking = $2
