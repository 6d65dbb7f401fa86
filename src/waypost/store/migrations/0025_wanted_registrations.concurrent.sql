-- Registrations that are wanted again.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists registration_again on registration (connection) where again;
