-- Hints between processes. Never inside a hot transaction: every NOTIFY takes one lock of the whole server at commit.

-- name: notify
select pg_notify($1, $2)
