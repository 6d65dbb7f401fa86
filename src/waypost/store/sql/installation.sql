-- Single values of the installation, looked up by name.

-- name: database_time
select now() as now

-- name: installation_value
select value from installation where name = $1;

-- name: add_installation_value
-- The first one wins: of two processes that start at once, both read what one of them wrote.
insert into installation (name, value) values ($1, $2) on conflict (name) do nothing;

-- name: take_room
-- Random bytes, so that they take the space that they claim.
insert into installation (name, value) values ('room', $1)
