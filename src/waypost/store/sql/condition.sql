-- What `waypost doctor` reads. None of it writes.

-- name: server_connections
-- Connections of clients, whatever the program, and how many there may be; some of these are reserved for superusers.
-- The kind of another user's session is hidden, but not its database.
select (select count(*) from pg_stat_activity
        where backend_type = 'client backend' or (backend_type is null and datid is not null)) as used,
       current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
           - current_setting('reserved_connections')::integer as allowed

-- name: count_processes
-- Every process has a name of its own (``Access.settings``).
select count(distinct application_name) as count from pg_stat_activity
where application_name like 'waypost-%' and application_name not like 'waypost-command@%'

-- name: newest_event
select e.id, now() as now from event e where e.bucket = any ($1::smallint[]) order by e.id desc limit 1

-- name: partition_sizes
select c.relname::text as name, pg_total_relation_size(c.oid) as size
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = $1::text::regclass
