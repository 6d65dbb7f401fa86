-- Incidents, written. An `owner` is an account, or all zeros for the operator.

-- name: lock_incidents
-- The changes of one account's incidents are made one after the other: a reader who has seen one misses none before it.
select pg_advisory_xact_lock(hashtext(current_schema() || '.incident'), hashtext($1))

-- name: last_incident_change
select change from incident where owner = $1 order by change desc limit 1

-- name: insert_incident
insert into incident (id, account, kind, subject, stage, message, details, opened_at, change)
values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $1)
on conflict do nothing
returning id

-- name: update_incident
update incident set stage = $2, message = $3, details = $4::jsonb, change = $5
where id = $1 and closed_at is null
returning id

-- name: update_closed
update incident set closed_at = greatest($2::timestamptz, opened_at), message = $3, change = $4
where id = $1 and closed_at is null
returning id

-- name: delete_old_incidents
with old as materialized (select id from incident where closed_at < now() - $1::interval limit 1000)
delete from incident where id in (select id from old) returning id
