-- Which parcels are registered at services that push.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table registration (
    tracking uuid not null,
    connection uuid not null references connection (id) on delete cascade,
    refused text,                                               -- why, in the service's own words; null: registered
    registered_at timestamptz not null default now(),
    primary key (connection, tracking)
);

create table registrar (
    connection uuid primary key references connection (id) on delete cascade,
    upto uuid not null                                          -- parcels up to this id have been registered or refused
);
