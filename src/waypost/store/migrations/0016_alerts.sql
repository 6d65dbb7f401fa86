-- Alerts about incidents, and the channels that they are sent to.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table account add column time_zone text not null default 'UTC';

create table alert_channel (
    id uuid primary key,
    account uuid references account (id) on delete cascade,
    owner uuid not null generated always as (coalesce(account, '00000000-0000-0000-0000-000000000000')) stored,
    service text not null check (service in ('email', 'slack', 'teams', 'telegram', 'pagerduty', 'ntfy', 'webhook')),
    name text not null check (length(name) between 1 and 100),
    target bytea not null,
    kinds text[],
    quiet_from time,
    quiet_until time,
    enabled boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    leased_until timestamptz,
    window_at timestamptz,
    window_sent smallint not null default 0,
    check ((quiet_from is null) = (quiet_until is null))
);
create index alert_channel_owner on alert_channel (owner, id);

create table alert (
    id uuid primary key,
    channel uuid not null references alert_channel (id) on delete cascade,
    incident uuid,
    what text not null check (what in ('opened', 'reminded', 'closed', 'test')),
    content jsonb not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed', 'skipped')),
    tries smallint not null default 0,
    next_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    answer text check (length(answer) <= 2000),
    check ((state = 'waiting') = (settled_at is null))
);
create index alert_waiting on alert (channel, next_at) where state = 'waiting';
create index alert_due on alert (next_at) where state = 'waiting';
create index alert_history on alert (channel, id);
create index alert_incident on alert (incident, channel);
