-- What an operator allows an account, and how much it uses; an account without a row has the installation's quotas.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table account_quota (
    account uuid primary key,
    parcels bigint check (parcels >= 0),
    updates_per_day bigint check (updates_per_day >= 0),
    disk_bytes bigint check (disk_bytes >= 0)
);

create table account_usage (
    account uuid primary key,
    parcels bigint not null default 0 check (parcels >= 0),
    disk_bytes bigint not null default 0 check (disk_bytes >= 0),
    day date not null default (now() at time zone 'utc')::date,
    updates bigint not null default 0 check (updates >= 0)
);
