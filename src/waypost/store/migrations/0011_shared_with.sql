-- Which accounts may use a connection of the installation; null for every account.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table connection add column shared_with uuid[];
