-- Connections: credentials of an account, or of the installation, for a source. A parcel's watch names the one that is
-- asked for it; null is one that nobody has been chosen for yet.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table connection (
    id uuid primary key,
    account uuid references account (id) on delete cascade,     -- null: the operator's, for every account
    source text not null,
    kind text not null check (kind in ('carrier', 'push', 'shop')),
    name text not null,
    enabled boolean not null default true,
    credentials bytea,                                          -- sealed; null: they stand in the operator's settings
    settings jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    routed_at timestamptz,                                      -- null: parcels that it may answer for are yet to be given
    check ((account is null) = (credentials is null))
);
create index connection_account on connection (account, id);

create table connection_health (
    connection uuid primary key references connection (id) on delete cascade,
    state text not null default 'new' check (state in ('new', 'works', 'limited', 'refused', 'unreadable', 'paused')),
    state_since timestamptz not null default now(),
    message text,
    sample text,
    last_answer_at timestamptz,
    spending bytea,                                             -- what it has spent of its budget
    asked_by uuid,                                              -- the process that asks with it, until then
    asked_until timestamptz
) with (fillfactor = 50);

alter table watch add column connection uuid;
alter table watch add column rank smallint not null default 1;  -- its lane: 0 at the door, 1 never asked, 2 the rest
alter table watch add column unknowns smallint not null default 0; -- "unknown number" in a row
alter table watch add column tried uuid[];                  -- connections that did not know the number
alter table watch add column outcome text;                  -- what came of the last ask
