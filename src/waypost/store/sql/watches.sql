-- Whom to ask a carrier about, and when.

-- name: due_watches
-- Read without a lock: who asks ranks them first, then leases the few that it can ask now.
select w.tracking, w.status_since, w.unchanged, t.status, t.substatus
from unnest($2::text[]) as c (courier_code)
cross join lateral (
    select q.bucket, q.tracking, q.status_since, q.unchanged from watch q
    where q.bucket = any ($1::smallint[]) and q.courier_code = c.courier_code and q.next_poll_at <= now()
      and (q.leased_until is null or q.leased_until <= now())
    order by q.next_poll_at
    limit $3) w
join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = w.bucket and t.id = w.tracking

-- name: lease_watches
-- The time until which the lease holds is its fence: nobody else's lease ends at the same microsecond.
with free as (
    select w.bucket, w.tracking from watch w
    where w.bucket = any ($1::smallint[]) and w.tracking = any ($2::uuid[]) and w.next_poll_at <= now()
      and (w.leased_until is null or w.leased_until <= now())
    for update skip locked
)
update watch w
set leased_until = now() + $3::interval
from free f, tracking t
where w.bucket = any ($1::smallint[]) and w.bucket = f.bucket and w.tracking = f.tracking
  and t.bucket = any ($1::smallint[]) and t.bucket = f.bucket and t.id = f.tracking
returning w.bucket, w.tracking, w.leased_until, w.unchanged, w.status_since, t.account, t.tracking_number,
          t.courier_code, t.status, t.state

-- name: reschedule_watches
-- Nothing happens to one that another has leased since. A wait that is null ends the asking.
update watch w
set leased_until = null, last_polled_at = now(), unchanged = n.unchanged,
    next_poll_at = (select now()) + n.wait, status_since = case when n.changed then (select now()) else w.status_since end
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::smallint[], $6::interval[], $7::boolean[])
     as n (bucket, tracking, leased_until, unchanged, wait, changed)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: release_watches
-- They were not asked: they stay due.
update watch w
set leased_until = null
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) as n (bucket, tracking, leased_until)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until
