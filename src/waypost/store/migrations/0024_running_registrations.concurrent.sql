-- Registrations that may have to be ended, in the order in which they are looked through.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists registration_running on registration (connection, tracking)
    where stopped_at is null and refused is null;
