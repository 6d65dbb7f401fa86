-- Parcels that are registered at services that push.

-- name: registering_connections
select c.id, c.account, c.source, c.kind, c.name, c.enabled, c.credentials, c.settings, c.created_at, c.updated_at,
       h.state, h.state_since, h.message, h.sample, h.last_answer_at, h.spending
from connection c join connection_health h on h.connection = c.id
where c.kind = 'push' and c.enabled and c.settings ->> 'register_there' = 'yes'
order by c.id

-- name: unregistered_parcels
-- The oldest ones on their way beyond the connection's mark, lane by lane; $4 bounds their age, since a parcel that is
-- still being committed may have a smaller id than one that is visible.
select t.id, t.tracking_number, t.courier_code
from unnest($2::text[]) s (status)
cross join lateral (
    select q.id, q.tracking_number, q.courier_code from tracking q
    where q.account = $1 and not q.archived and q.status = s.status
      and q.id > coalesce((select r.upto from registrar r where r.connection = $3), '00000000-0000-0000-0000-000000000000')
      and q.id < $4
    order by q.id limit $5) t
order by t.id
limit $5

-- name: insert_registrations
insert into registration (connection, tracking, refused, registered_at)
select $1::uuid, tracking, refused, (select now()) from unnest($2::uuid[], $3::text[]) as n (tracking, refused)
on conflict (connection, tracking) do update
set refused = excluded.refused, stopped_at = null, again = false, registered_at = excluded.registered_at

-- name: watch_registered
-- Parcels without a connection are given to the service; it counts as heard now.
update watch w
set heard_at = (select now()),
    connection = case when w.connection is null and w.next_poll_at is null then $1 else w.connection end,
    next_poll_at = case when w.connection is null and w.next_poll_at is null then (select now()) else w.next_poll_at end
where w.bucket = any ($2::smallint[]) and w.tracking = any ($3::uuid[])

-- name: upsert_registrar
insert into registrar (connection, upto) values ($1, $2) on conflict (connection) do update set upto = excluded.upto

-- name: deleted_registrations
-- Of parcels that were deleted within two days.
select d.id, d.tracking_number from registration r
join deleted_tracking d on d.id = r.tracking and d.day >= (now() at time zone 'utc')::date - 2
where r.connection = $1
limit $2

-- name: delete_registrations
delete from registration where connection = $1 and tracking = any ($2::uuid[])

-- name: running_registrations
select r.tracking from registration r
where r.connection = $1 and r.tracking > $2 and r.stopped_at is null and r.refused is null
order by r.tracking limit $3

-- name: finished_parcels
-- Those of these parcels that need no pushes any more.
select t.id, t.tracking_number, t.courier_code from tracking t
where t.bucket = any ($1::smallint[]) and t.id = any ($2::uuid[])
  and (t.archived or t.status = 'expired'
       or (t.status = 'delivered' or t.substatus = 'exception010') and t.updated_at < now() - $3::interval)
order by t.id

-- name: mark_registrations_stopped
update registration set stopped_at = (select now()) where connection = $1 and tracking = any ($2::uuid[])

-- name: register_again
update registration r set again = true
where r.tracking = any ($2::uuid[]) and r.stopped_at is not null
  and r.connection = any (array(select c.id from connection c join tracking t on t.account = c.account
                                where t.bucket = any ($1::smallint[]) and t.id = any ($2::uuid[]) and c.kind = 'push'))

-- name: registrations_again
select r.tracking from registration r where r.connection = $1 and r.again limit $2

-- name: parcels_to_register
select t.id, t.tracking_number, t.courier_code from tracking t
where t.bucket = any ($1::smallint[]) and t.id = any ($2::uuid[])
order by t.id

-- name: registrations_of
select c.id, c.name, r.refused, case when not r.again then r.stopped_at end as stopped_at from registration r join connection c on c.id = r.connection
where c.account = $1 and r.tracking = $2 and r.connection = any (array(select o.id from connection o where o.account = $1))
order by c.id
