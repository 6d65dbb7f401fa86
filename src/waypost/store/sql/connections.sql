-- Connections, read: their credentials and health.

-- name: connections
-- Those of an account, oldest first; with $3 also those of the installation that it may use. Two reads, since no index
-- serves both at once.
select c.id, c.account, c.source, c.kind, c.name, c.enabled, c.credentials, c.settings, c.created_at, c.updated_at,
       h.state, h.state_since, h.message, h.sample, h.last_answer_at, h.spending
from (select o.* from connection o where o.account = $1
      union all
      select i.* from connection i
      where $3 and i.account is null and (i.shared_with is null or $1 = any (i.shared_with))) c
join connection_health h on h.connection = c.id
where $2::uuid is null or c.id = $2
order by c.id

-- name: connections_by_id
select c.id, c.account, c.source, c.kind, c.name, c.enabled, c.credentials, c.settings, c.created_at, c.updated_at,
       h.state, h.state_since, h.message, h.sample, h.last_answer_at, h.spending
from connection c join connection_health h on h.connection = c.id
where c.id = any ($1::uuid[])

-- name: candidates
-- What could answer for parcels of these accounts: their own connections, and those of the installation that they may
-- use.
select c.account, c.id, c.source, true as own
from connection c
where c.account = any ($1::uuid[]) and c.enabled and c.kind = 'carrier'
union all
select a.id, c.id, c.source, false
from connection c
cross join unnest($1::uuid[]) a (id)
where c.account is null and c.enabled and c.kind = 'carrier' and (c.shared_with is null or a.id = any (c.shared_with))

-- name: registered_candidates
-- Services that could be polled for these parcels, since they are registered there.
select r.tracking, r.connection from registration r
where r.connection = any (array(select c.id from connection c
                                where c.account = any ($1::uuid[]) and c.enabled and c.kind = 'push'
                                  and c.settings ->> 'register_there' = 'yes' and c.source = any ($3::text[])))
  and r.tracking = any ($2::uuid[]) and r.refused is null and r.stopped_at is null

-- name: installation_connections
select c.id, c.source,
       case when c.shared_with is not null
            then array(select a.email from account a where a.id = any (c.shared_with) order by a.email) end as shared_with
from connection c where c.account is null and c.enabled order by c.id

-- name: count_watched
-- How many parcels a connection answers for, and since when the longest waiting one is due; never counted beyond $2.
select (select count(*) from (select from watch w where w.connection = $1 and w.next_poll_at is not null limit $2) s)
           as parcels,
       (select min(o.next_poll_at) from unnest(array[0, 1, 2]::smallint[]) as lane (rank) cross join lateral (
            select w.next_poll_at from watch w
            where w.connection = $1 and w.rank = lane.rank and w.next_poll_at is not null
            order by w.next_poll_at limit 1) o) as oldest

-- name: count_watched_of
-- How many of an account's parcels a connection answers for. From the account's side: the operator's connection may have
-- a million parcels of others.
select count(*) as parcels
from unnest($4::text[]) s (status)
cross join lateral (
    select q.bucket, q.id from tracking q
    where q.account = $2 and not q.archived and q.status = s.status
    order by q.id limit $5) t
join watch w on w.bucket = any ($1::smallint[]) and w.bucket = t.bucket and w.tracking = t.id
where w.connection = $3 and w.next_poll_at is not null

-- name: connections_with_work
-- One look-up in the index for each connection that has parcels, not for each parcel.
with recursive lane as (
    (select connection from watch where connection is not null and next_poll_at is not null
     order by connection, rank, next_poll_at limit 1)
    union all
    select d.connection from lane l cross join lateral (
        select w.connection from watch w where w.connection > l.connection and w.next_poll_at is not null
        order by w.connection, w.rank, w.next_poll_at limit 1) d
)
select l.connection from lane l
where exists (
    select from unnest(array[0, 1, 2]::smallint[]) as lane (rank)
    where exists (select from watch w
                  where w.connection = l.connection and w.rank = lane.rank and w.next_poll_at <= now()))

-- name: unrouted_watches
-- Parcels without a connection.
select w.tracking, w.tried::text[] as tried, w.asked, t.account, t.tracking_number, t.courier_code, t.status, t.substatus
from (select q.bucket, q.tracking, q.tried, q.last_polled_at is not null as asked from watch q
      where q.connection is null and q.rank = 1 and q.next_poll_at <= now()
      order by q.next_poll_at limit $2) w
join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = w.bucket and t.id = w.tracking

-- name: unrouted_connections
-- Enabled ones whose parcels have not been looked for since.
select id, account, source, updated_at from connection
where enabled and routed_at is null
  and (kind = 'carrier' or kind = 'push' and settings ->> 'register_there' = 'yes')

-- name: accounts_to_share_with
-- The accounts that may use a connection of the installation and will not, or the other way round, in the order in which
-- their rows are locked for the audit log.
select s.id, s.after from (
    select a.id, c.shared_with is null or a.id = any (c.shared_with) as before,
           $2::uuid[] is null or a.id = any ($2::uuid[]) as after
    from connection c cross join account a where c.id = $1 and c.account is null) s
where s.before <> s.after order by s.id
