-- A user may see times in a time zone other than the account's.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table account_user add column time_zone text;
