-- Parcels are found by the end of their number, which is what customers read out.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists tracking_ending on tracking (account, reverse(tracking_number));
