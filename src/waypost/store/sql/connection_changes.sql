-- Connections, and which one answers for a parcel, written.

-- name: insert_connection
with added as (
    insert into connection (id, account, source, kind, name, credentials, settings)
    values ($1, $2, $3, $4, $5, $6, $7)
)
insert into connection_health (connection) values ($1)

-- name: keep_installation_connection
-- Every process runs this at its start: repeating it does no harm.
with kept as (
    insert into connection (id, account, source, kind, name, enabled, settings)
    values ($1, null, $2, 'carrier', $3, true, $4)
    on conflict (id) do update
    set enabled = true, name = excluded.name, settings = excluded.settings, routed_at = case when connection.enabled then connection.routed_at end
)
insert into connection_health (connection) values ($1) on conflict (connection) do nothing

-- name: disable_installation_connections
update connection set enabled = false, updated_at = now()
where account is null and enabled and id <> all ($1::uuid[])
returning id

-- name: update_shared_with
-- The poller takes it away from the parcels of others, and finds those that it may answer for now.
update connection set shared_with = $2::uuid[], routed_at = null, updated_at = now()
where id = $1 and account is null

-- name: update_connection
-- New credentials, or enabling it, reset its state: earlier rejections say nothing about them.
with changed as (
    update connection
    set name = $3, enabled = $4, credentials = coalesce($5, credentials), settings = $6, updated_at = now(),
        routed_at = case when enabled = $4
                          and settings ->> 'register_there' is not distinct from $6::jsonb ->> 'register_there'
                         then routed_at end
    where account = $1 and id = $2
    returning id
)
update connection_health h
set state = case when not $4 then 'paused' when $7 then 'new' else h.state end,
    state_since = case when not $4 or $7 then (select now()) else h.state_since end,
    message = case when not $4 or $7 then null else h.message end,
    sample = case when not $4 or $7 then null else h.sample end,
    spending = case when $7 then null else h.spending end
from changed c
where h.connection = c.id
returning h.connection

-- name: delete_connection
delete from connection where account = $1 and id = $2 returning id

-- name: lease_connections
-- One process polls with a connection: what it has spent is one number, and its pause applies to all.
with free as (
    select h.connection from connection_health h join connection c on c.id = h.connection
    where h.connection = any ($1::uuid[]) and c.enabled
      and (h.asked_until is null or h.asked_until <= now() or h.asked_by = $2)
    for update of h skip locked
)
update connection_health h
set asked_by = $2, asked_until = (select now()) + $3::interval
from free f
where h.connection = f.connection
returning h.connection

-- name: note_polls
-- The result of a handful of polls. Nothing is written for a process that has lost the lease: it was taken over. A message
-- without a state is why polls failed; it does not replace that of a state that has one.
update connection_health h
set spending = $3, asked_until = (select now()) + $4::interval,
    last_answer_at = case when $5 then (select now()) else h.last_answer_at end,
    state = coalesce($6, h.state),
    state_since = case when $6 is not null and $6 <> h.state then (select now()) else h.state_since end,
    message = case when $6 is not null or ($7::text is not null and h.state in ('new', 'works')) then $7 else h.message end,
    sample = case when $6 is null then h.sample else $8 end
where h.connection = $1 and h.asked_by = $2

-- name: release_connections
update connection_health set asked_by = null, asked_until = null where asked_by = $1

-- name: route_parcels
-- A parcel that nobody answers for waits until a connection is added, in the lane where unassigned parcels are found.
update watch w
set connection = n.connection, next_poll_at = case when n.connection is null then null else w.next_poll_at end,
    unknowns = case when n.exhausted then $7 else 0 end, rank = case when n.connection is null then 1 else n.rank end,
    leased_until = null
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::boolean[], $6::smallint[])
     as n (bucket, tracking, connection, exhausted, rank)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking and w.connection is null

-- name: free_parcels
-- Its parcels are given to other connections, some at a time.
with part as (
    select w.bucket, w.tracking from watch w
    where w.connection = $1 and w.next_poll_at is not null
    limit $2 for update skip locked
)
update watch w set connection = null, rank = 1, next_poll_at = (select now()), leased_until = null
from part s where w.bucket = s.bucket and w.tracking = s.tracking
returning w.tracking

-- name: connection_routed
update connection set routed_at = now() where id = $1 and updated_at = $2

-- name: unroute_lane
-- Parcels of an account in one status that nobody answers for, or a connection of the installation: the new connection
-- may be the better one, and so it may be where a service is polled. $5 is the id to continue after.
with page as (
    select t.bucket, t.id from tracking t
    where t.account = $2 and not t.archived and t.status = $3 and t.id > $5
    order by t.id limit $6
), moved as (
    update watch w
    set connection = null, rank = 1, next_poll_at = (select now()), tried = null, unknowns = 0, leased_until = null
    from page p
    where w.bucket = any ($1::smallint[]) and w.bucket = p.bucket and w.tracking = p.id
      and (w.connection is null or w.connection = any ($4::uuid[])
           or w.connection = any (array(select c.id from connection c where c.account = $2 and c.kind = 'push')))
)
select id from page order by id desc limit 1

-- name: unroute_couriers
-- The same for a connection of the installation ($5): parcels of these couriers that nobody answers for, of any
-- account, or that a service is polled for; and its own parcels of accounts that may not use it any more.
with page as (
    select w.bucket, w.tracking, w.courier_code, w.connection from watch w
    where w.tracking > $3 order by w.tracking limit $4
), moved as (
    update watch w
    set connection = null, rank = 1, next_poll_at = (select now()), tried = null, unknowns = 0
    from page p join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = p.bucket and t.id = p.tracking
    where w.bucket = any ($1::smallint[]) and w.bucket = p.bucket and w.tracking = p.tracking
      and p.courier_code = any ($2::text[])
      and (p.connection is null and w.next_poll_at is null
           or exists (select from connection o where o.id = p.connection and o.kind = 'push'))
      and not t.archived and t.status not in ('delivered', 'expired')
), taken_away as (
    update watch w
    set connection = null, rank = 1, leased_until = null,
        next_poll_at = case when w.next_poll_at is not null then (select now()) end
    from page p join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = p.bucket and t.id = p.tracking
    join connection c on c.id = p.connection
    where w.bucket = any ($1::smallint[]) and w.bucket = p.bucket and w.tracking = p.tracking
      and p.connection = $5 and w.connection = $5 and t.account <> all (c.shared_with)
)
select tracking from page order by tracking desc limit 1
