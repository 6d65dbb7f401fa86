-- Incidents, in the order of their changes. An `owner` is an account, or all zeros for the operator.

-- name: open_incidents
-- Of these kinds, of all accounts and of the operator.
select id, account, kind, subject, stage, message, details, opened_at, closed_at, change
from incident
where closed_at is null and kind = any ($1::text[])
order by account, change

-- name: incident_feed
-- Those that changed after $2, in the order of their last changes; $3 true for open ones only, false for closed ones.
select id, account, kind, subject, stage, message, details, opened_at, closed_at, change
from incident
where owner = $1 and change > $2 and ($3::boolean is null or $3 = (closed_at is null))
order by change
limit $4

-- name: newest_incidents
-- Open ones first, then the newest of the others.
select id, account, kind, subject, stage, message, details, opened_at, closed_at, change
from incident
where owner = $1 and ($2::boolean is null or $2 = (closed_at is null))
order by closed_at is not null, change desc
limit $3
