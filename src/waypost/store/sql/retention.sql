-- What the keeper does to rows that have grown old.

-- name: overdue_deliveries
-- By the primary key: ids rise with time. Deliveries being attempted are left for the next time.
select bucket, id, tracking, endpoint from due
where bucket = any ($1::smallint[]) and id < $2 and leased_until is null
order by id
limit $3

-- name: expire_deliveries
-- Under the tracking's row lock. A lease that was taken meanwhile wins.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is null returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                         recovery, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'failed', $3::text, tries, sample, resend_of, recovery, now()
    from gone
)
select bucket, tracking, endpoint from gone

-- name: due_expiries
select w.tracking, t.account, t.state
from (select bucket, tracking from watch
      where bucket = any ($1::smallint[]) and expires_at <= now()
      order by expires_at limit $2) w
join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = w.bucket and t.id = w.tracking

-- name: move_expiries
update watch w
set expires_at = n.at
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) as n (bucket, tracking, at)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking

-- name: lanes_left_behind
-- Disabled or deleted endpoints that have something waiting: what was queued at the moment they were disabled.
select e.id from endpoint e
where not e.enabled and exists (select from due q where q.bucket = any ($1::smallint[]) and q.endpoint = e.id
                                and q.sequence > 0 and q.sample is null and q.cancelling is null)
