-- Which parcels to poll a carrier for, and when. The index `watch_polls` serves only the poller of the previous version,
-- which finds due parcels by their courier while it runs beside this one; it goes when that version does.

-- name: due_watches
-- Read without a lock: the poller takes the few that it can poll now. Each lane in the order in which its parcels fell
-- due, so that none starves within a lane.
select o.tracking, o.rank, o.overdue
from unnest(array[0, 1, 2]::smallint[]) as lane (rank)
cross join lateral (
    select w.tracking, w.rank, w.next_poll_at <= now() - $3::interval as overdue
    from watch w
    where w.connection = $1 and w.rank = lane.rank and w.next_poll_at <= now()
      and (w.leased_until is null or w.leased_until <= now())
    order by w.next_poll_at limit $2) o

-- name: lease_watches
-- The time until which the lease is valid is its fence: no other lease ends at the same microsecond.
with free as (
    select w.bucket, w.tracking from watch w
    where w.bucket = any ($1::smallint[]) and w.tracking = any ($2::uuid[]) and w.connection = $4
      and w.next_poll_at <= now() and (w.leased_until is null or w.leased_until <= now())
    for update skip locked
)
update watch w
set leased_until = now() + $3::interval
from free f, tracking t
where w.bucket = any ($1::smallint[]) and w.bucket = f.bucket and w.tracking = f.tracking
  and t.bucket = any ($1::smallint[]) and t.bucket = f.bucket and t.id = f.tracking
returning w.bucket, w.tracking, w.leased_until, w.unchanged, w.status_since, w.unknowns, w.tried is not null as tried,
          t.account, t.tracking_number, t.courier_code, t.status, t.state, w.wanted,
          case when w.last_polled_at is null or w.heard_at > w.last_polled_at then w.heard_at end as heard_at

-- name: reschedule_watches
-- Without effect on one that another process has leased since. A null wait ends the polling; one that is to be polled
-- elsewhere is released, and its connection is added to those that were tried.
update watch w
set leased_until = null, last_polled_at = now(), unchanged = n.unchanged,
    rank = case when n.elsewhere then 1 else n.rank end,
    next_poll_at = (select now()) + case when n.elsewhere then interval '0' else n.wait end,
    status_since = case when n.changed then (select now()) else w.status_since end,
    wanted = false, unknowns = n.unknowns, connection = case when not n.elsewhere then w.connection end,
    tried = case when n.elsewhere then array_append(w.tried, w.connection) else w.tried end, outcome = n.outcome
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::smallint[], $6::interval[], $7::boolean[],
            $8::smallint[], $9::smallint[], $10::boolean[], $11::text[])
     as n (bucket, tracking, leased_until, unchanged, wait, changed, rank, unknowns, elsewhere, outcome)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: postpone_watches
-- They were left to the pushes of their service.
update watch w
set leased_until = null, next_poll_at = (select now()) + n.wait, rank = n.rank
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::interval[], $6::smallint[])
     as n (bucket, tracking, leased_until, wait, rank)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: note_heard
-- At most every ten minutes. A changed status may call for a poll sooner than planned: the poller looks again after $4.
-- Rows that are being polled are left out, since waiting for them in another order could end in a deadlock.
with free as (
    select w.bucket, w.tracking from watch w
    where w.bucket = any ($1::smallint[]) and w.tracking = any ($2::uuid[]) and w.connection = any ($3::uuid[])
      and (w.heard_at is null or w.heard_at < now() - interval '10 minutes')
    for update skip locked
)
update watch w
set heard_at = (select now()), next_poll_at = least(w.next_poll_at, (select now()) + $4::interval)
from free f
where w.bucket = any ($1::smallint[]) and w.bucket = f.bucket and w.tracking = f.tracking

-- name: correct_watch
update watch set courier_code = $3 where bucket = any ($1::smallint[]) and tracking = $2

-- name: release_watches
-- They were not polled: they stay due.
update watch w
set leased_until = null
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) as n (bucket, tracking, leased_until)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: watch_of
-- The connection of a parcel, when it was polled and with which result.
select w.connection, w.last_polled_at, w.next_poll_at, w.outcome, w.tried::text[] as tried, w.heard_at
from watch w
where w.bucket = any ($1::smallint[]) and w.tracking = $2
