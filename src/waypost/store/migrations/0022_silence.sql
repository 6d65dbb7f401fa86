-- When the service that a parcel is registered at last pushed it, so that it is asked only when pushes stay away.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table watch add column heard_at timestamptz;
alter table watch add column wanted boolean not null default false;  -- a person wants it polled, whatever the schedule says

-- The services that parcels are registered at are looked at by the poller now, for the parcels that are there already.
update connection set routed_at = null where kind = 'push' and settings ->> 'register_there' = 'yes';
