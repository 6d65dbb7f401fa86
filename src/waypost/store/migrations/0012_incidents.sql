-- Incidents: what somebody must know. How long an endpoint may fail, and the tests of those that Waypost disabled.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table incident (
    id uuid primary key,
    account uuid references account (id) on delete cascade,
    owner uuid not null generated always as (coalesce(account, '00000000-0000-0000-0000-000000000000')) stored,
    kind text not null check (kind in ('endpoint_failing', 'endpoint_disabled', 'connection_refused',
                                       'budget_too_small', 'parcels_stuck', 'operator')),
    subject text not null check (length(subject) between 1 and 100),
    stage smallint not null default 0,
    message text not null check (length(message) <= 3000),
    details jsonb not null default '{}',
    opened_at timestamptz not null,
    closed_at timestamptz check (closed_at >= opened_at),
    change uuid not null,
    check ((kind = 'operator') = (account is null))
);
create unique index incident_open on incident (owner, kind, subject) where closed_at is null;
create unique index incident_change on incident (owner, change);
create index incident_closed on incident (closed_at) where closed_at is not null;

alter table endpoint
    add column disable_after_days smallint default 7,
    add column recover_automatically boolean not null default false,
    add column enabled_at timestamptz;
alter table endpoint add constraint endpoint_disable_after_days
    check (disable_after_days between 1 and 30) not valid;
alter table endpoint_health
    add column probe uuid,
    add column probed_at timestamptz;
