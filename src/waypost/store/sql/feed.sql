-- The pull feed: an account's events by id, oldest first.

-- name: horizon
-- No transaction that could still commit an older event is running: intake draws its transaction's id before the time
-- of its events' ids. A separate statement before `feed`, which therefore sees whatever ended between the two. Whoever
-- writes events has locked their trackings before, so transactions of other schemas and other programs delay nobody.
select least(now(), min(a.xact_start)) as at
from pg_stat_activity a
where a.datname = current_database() and a.backend_xid is not null
  and a.pid = any (array(select l.pid from pg_locks l
                         where l.locktype = 'relation' and l.relation = 'tracking'::regclass and l.granted))

-- name: feed
-- The days $5 to $6 are those of the ids: they choose the partitions. $8 are the bytes of a page: octet_length reads
-- the size of a state without fetching it, so that a page of large parcels costs no more than it returns.
select id, tracking, tracking_number, courier_code, sequence, status, substatus, previous_status, source, state as packed
from (
    select *, sum(octet_length(state)) over (order by id rows unbounded preceding) - octet_length(state) as bytes_before
    from (
        select e.id, e.tracking, e.tracking_number, e.courier_code, e.sequence, e.status, e.substatus,
               e.previous_status, e.source, e.state
        from event e
        where e.bucket = any ($1::smallint[]) and e.account = $2 and e.id > $3 and e.id < $4
          and e.day between $5 and $6
        order by e.id
        limit $7) next
) page
where bytes_before < $8
order by id
