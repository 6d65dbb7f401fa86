-- Hints between processes. Never inside a hot transaction: every NOTIFY takes one lock of the whole server at commit.
-- The channel depends on the schema: installations in one database do not wake each other.

-- name: notify
select pg_notify('waypost_due_' || hashtext(current_schema()), $1)

-- name: channel
select 'waypost_due_' || hashtext(current_schema()) as name
