-- What the poller reads every second, where an installation has as many connections as accounts.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists connection_unrouted on connection (id) where enabled and routed_at is null;
create index concurrently if not exists connection_of_installation on connection (id) where account is null;
