-- What the keeper does about the health of endpoints.

-- name: update_probe
insert into endpoint_health (endpoint, probe, probed_at) values ($1, $2, now())
on conflict (endpoint) do update set probe = excluded.probe, probed_at = excluded.probed_at

-- name: update_recovered
-- Only what Waypost itself disabled, and nobody has changed since.
update endpoint
set enabled = true, disabled_reason = null, off_since = null, enabled_at = now(), updated_at = now()
where id = $1 and disabled_reason = 'failing' and deleted_at is null
returning id

-- name: update_health_recovered
insert into endpoint_health (endpoint, last_success_at) values ($1, now())
on conflict (endpoint) do update set failing_since = null, probe = null, last_success_at = excluded.last_success_at

-- name: mark_gone
update endpoint set disabled_reason = 'gone', updated_at = now()
where id = $1 and disabled_reason = 'failing' and deleted_at is null
