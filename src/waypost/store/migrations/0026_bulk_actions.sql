-- Resending and cancelling every delivery that matches a filter of the webhook history.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table bulk_action (
    id uuid primary key,
    account uuid not null references account (id) on delete cascade,
    kind text not null check (kind in ('resend', 'cancel')),
    wanted jsonb not null,                                      -- the filter
    query text not null check (length(query) <= 2000),          -- the same as the page's address has it
    state text not null default 'counting' check (state in ('counting', 'counted', 'running', 'done', 'stopped')),
    matched integer not null default 0,
    changed integer not null default 0,
    left_out integer not null default 0,                        -- they can't be changed any more, or need not be
    walked_to uuid not null,                                    -- where the count, or the work, continues
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    check ((state in ('done', 'stopped')) = (finished_at is not null))
);

create unique index bulk_action_counted on bulk_action (account) where state in ('counting', 'counted');
create unique index bulk_action_running on bulk_action (account) where state = 'running';
create index bulk_action_account on bulk_action (account, id);
create index bulk_action_open on bulk_action (id) where state in ('counting', 'running');
