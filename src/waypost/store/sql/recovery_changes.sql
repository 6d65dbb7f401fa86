-- Recoveries, written: started and stopped by people, advanced by the keeper.

-- name: insert_recovery
-- $8 is the id before the first event of the period. The end is never in the future: it could not be reached. Nothing
-- is inserted while another one of the endpoint runs, or is counted if this is a dry run: one of two unique indexes.
insert into recovery (id, account, endpoint, only_what, since, until, dry_run, counted_to, queued_to)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict do nothing
returning id

-- name: lock_recovery
-- Whoever holds the row works on it; the others leave it alone.
select r.*, e.enabled, e.statuses, e.trigger, e.ordering
from recovery r join endpoint e on e.id = r.endpoint
where r.id = $1 and r.state = 'running'
for no key update of r skip locked

-- name: events_to_judge
-- An account's events in the order of their ids, each with its result at the endpoint $3. Waiting deliveries are
-- found by one of two indexes: for those in queues and for the others.
select e.bucket, e.id, e.tracking, e.sequence, e.status, e.status <> e.previous_status as status_changed,
       coalesce(e.skipped ->> $4 = 'off', false) as was_off,
       t.id is null as parcel_gone,
       exists (select from due q
               where q.bucket = any ($1::smallint[]) and q.bucket = e.bucket and q.tracking = e.tracking
                 and q.endpoint = $3 and q.event = e.id and q.ordering <> 'unordered')
       or exists (select from due q
                  where q.bucket = any ($1::smallint[]) and q.bucket = e.bucket and q.tracking = e.tracking
                    and q.endpoint = $3 and q.event = e.id and q.ordering = 'unordered' and q.sample is null) as waiting,
       array(select distinct case when s.reason = 'endpoint_off' then s.reason else s.state end
             from settled s
             where s.bucket = any ($1::smallint[]) and s.bucket = e.bucket and s.day >= e.day
               and s.tracking = e.tracking and s.endpoint = $3 and s.event = e.id) as ends
from (select * from event e
      where e.bucket = any ($1::smallint[]) and e.account = $2 and e.id > $5 and e.id < $6 and e.day between $7 and $8
      order by e.id
      limit $9) e
left join lateral (select id from tracking t
                   where t.bucket = any ($1::smallint[]) and t.bucket = e.bucket and t.id = e.tracking
                   offset 0) t on true
order by e.id

-- name: note_counted
update recovery set matched = matched + $2, counted_to = $3 where id = $1

-- name: note_queued
update recovery set queued = queued + $2, matched = greatest(matched, queued + $2), queued_to = $3 where id = $1

-- name: mark_finished
update recovery set state = $2, finished_at = now() where id = $1 and state = 'running'

-- name: mark_stopped
update recovery set state = 'stopped', finished_at = now()
where account = $1 and id = $2 and state = 'running'
returning id
