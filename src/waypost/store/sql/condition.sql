-- What `waypost doctor` reads. None of it writes.

-- name: newest_event
select e.id, now() as now from event e where e.bucket = any ($1::smallint[]) order by e.id desc limit 1

-- name: living_dispatchers
-- A dispatcher lives as long as its session holds the advisory lock of its number; $1 is the class of these locks.
select d.number, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.classid = $1::bigint::oid and l.objid = d.number::bigint::oid and l.granted
      and l.database = (select oid from pg_database where datname = current_database())) as alive
from dispatcher d
order by d.number
