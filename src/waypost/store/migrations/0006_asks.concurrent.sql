-- Whom a connection is asked for, lane by lane; null are those that nobody has been chosen for.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists watch_asks on watch (connection, rank, next_poll_at) where next_poll_at is not null;
