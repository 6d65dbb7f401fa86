-- Registrations that were ended at their services: of parcels that are archived or whose journey is over.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table registration add column stopped_at timestamptz;
alter table registration add column again boolean not null default false;  -- stopped, and wanted there again
