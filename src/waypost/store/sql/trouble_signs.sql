-- Signs of trouble that the keeper looks for.

-- name: troubled_connections
-- Enabled connections that are refused or unreadable, or whose longest waiting parcel is $1 late: one look-up in the
-- index for each lane of each connection.
select c.id, c.account, c.name, h.state, h.state_since, h.message, l.oldest < now() - $1::interval as late
from connection c
join connection_health h on h.connection = c.id
cross join lateral (
    select min(o.next_poll_at) as oldest
    from unnest(array[0, 1, 2]::smallint[]) as lane (rank)
    cross join lateral (
        select w.next_poll_at from watch w
        where w.connection = c.id and w.rank = lane.rank and w.next_poll_at is not null
        order by w.next_poll_at limit 1) o) l
where c.enabled and (h.state in ('refused', 'unreadable') or l.oldest < now() - $1::interval)
order by c.id

-- name: accounts_with_stuck_parcels
-- Accounts with a parcel from before the id $1 that no source has reported anything about: one look-up for each account.
select a.id
from account a
cross join lateral (
    select t.id from tracking t
    where t.account = a.id and not t.archived and t.status = 'pending'
    order by t.id limit 1) t
where t.id < $1

-- name: is_anybody_dispatching
select exists (select from dispatcher where seen_at > now() - $1::interval) as alive
