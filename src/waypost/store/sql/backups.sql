-- What a backup counts and compares.

-- name: export_snapshot
select pg_export_snapshot() as snapshot

-- name: backup_facts
-- Of the schema that is copied: its name, its size on disk with indexes, and how far it was migrated.
select current_schema() as schema,
       current_setting('server_version_num')::int as postgres,
       (select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint
        from pg_class
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'm')) as database_size,
       (select max(number) from migration) as migration

-- name: one_after_the_other
-- Workers that help with counting are processes of their own, which do not give way with their leader.
set max_parallel_workers_per_gather = 0

-- name: look_at_sessions_again
-- Within a transaction, the list of sessions is otherwise that of the first look.
select pg_stat_clear_snapshot()

-- name: backends_of_session
select pid as backend from pg_stat_activity where application_name = $1

-- name: backup_tables
-- Each table with its parts: itself or, if it is partitioned, its partitions, and how many pages each has. A table without
-- partitions yet has one part without a name.
select whole.relname::text as name,
       part.relname::text as part,
       coalesce(pg_relation_size(part.oid) / current_setting('block_size')::int, 0)::bigint as pages
from pg_class whole
left join pg_class part
    on part.relkind = 'r' and coalesce(pg_partition_root(part.oid)::oid, part.oid) = whole.oid
where whole.relnamespace = current_schema()::regnamespace
  and whole.relkind in ('r', 'p') and not whole.relispartition
order by whole.relname, part.relname

-- name: transactions_so_far
-- Of all sessions; each adds its own within seconds.
select xact_commit + xact_rollback as transactions from pg_stat_database where datname = current_database()

-- name: has_any_table
select exists (
    select from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
) as present

-- name: end_other_sessions
-- Of this database: whoever connects again gets its new settings.
select pg_terminate_backend(pid, $1) as ended
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
