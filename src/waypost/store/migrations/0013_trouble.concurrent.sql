-- The few endpoints that the keeper looks at: those that fail, and those that were disabled because of it.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists endpoint_health_failing on endpoint_health (endpoint) where failing_since is not null;

create index concurrently if not exists endpoint_given_up on endpoint (id) where disabled_reason in ('gone', 'failing') and deleted_at is null;
