-- Violations of the guarantee that nothing is dropped: counted in windows of ids, so that no check costs more than a
-- window, whatever waits. Each window is one statement: in one snapshot a delivery is queued or settled, never neither.

-- name: reconciled_times
-- Younger ones are still being written, and whoever works on them finishes them; older ones are about to be dropped.
select now() - $1::interval as since, now() - interval '1 minute' as until

-- name: window_of_events
-- The end of a window of $4 events that begins at $2; null if fewer are left below $3.
select e.id as ends from event e
where e.bucket = any ($1::smallint[]) and e.id >= $2 and e.id < $3
order by e.id
offset $4 limit 1

-- name: reconcile_events
-- A delivery's id contains its event's time: the same bounds find both. A resend or a recovery is one more delivery of
-- an event to an endpoint, so endpoints are counted. `doubled`: it was settled and is still queued.
with made as (
    select r.event, count(distinct r.endpoint) as endpoints, count(*) - count(distinct r.id) as doubled
    from (select d.id, d.event, d.endpoint from due d
          where d.bucket = any ($1::smallint[]) and d.id >= $3 and d.id < $4 and d.sample is null
          union all
          select s.id, s.event, s.endpoint from settled s
          where s.bucket = any ($1::smallint[]) and s.day = any ($2::date[]) and s.id >= $3 and s.id < $4
            and s.sample is null) r
    group by r.event
)
select count(*) as events, coalesce(sum(greatest(e.deliveries - coalesce(m.endpoints, 0), 0)), 0) as missing,
       coalesce(sum(m.doubled), 0) as doubled
from event e left join made m on m.event = e.id
where e.bucket = any ($1::smallint[]) and e.day = any ($2::date[]) and e.id >= $3 and e.id < $4

-- name: reconcile_waiting
-- Of the next $3 that wait after $2. `headless`: in a queue that nothing moves. `forgotten`: under a lease that expired
-- long ago. `orphaned`: for an endpoint that is disabled or deleted, although the keeper has had the time to cancel it.
with next as (
    select * from due where bucket = any ($1::smallint[]) and id > $2 order by id limit $3
)
select count(*) as waiting, (array_agg(s.id order by s.id desc))[1] as last,
       count(*) filter (where s.blocked and not exists (
           select from due h
           where h.bucket = any ($1::smallint[]) and h.bucket = s.bucket and h.tracking = s.tracking
             and h.endpoint = s.endpoint and h.ordering <> 'unordered' and not h.blocked)) as headless,
       count(*) filter (where s.leased_until < now() - interval '5 minutes') as forgotten,
       count(*) filter (where s.sample is null and uuid_extract_timestamp(s.id) < now() - interval '5 minutes'
           and not exists (select from endpoint e
                           where e.id = s.endpoint
                             and (e.enabled or e.updated_at > now() - interval '5 minutes'))) as orphaned
from next s
