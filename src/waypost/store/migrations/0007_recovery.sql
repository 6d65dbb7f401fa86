-- Deliveries that were asked for again: one by one (resend_of) or by a recovery. What a recovery has done stands in its
-- row, so that it goes on where it was after a restart.

create table recovery (
    id uuid primary key,
    account uuid not null references account,
    endpoint uuid not null references endpoint,
    only_what text not null check (only_what in ('failed', 'missed', 'all')),
    since timestamptz not null,
    until timestamptz not null,
    dry_run boolean not null,
    state text not null default 'running' check (state in ('running', 'done', 'stopped')),
    matched integer not null default 0,
    queued integer not null default 0,
    counted_to uuid,                                -- counting goes on behind this event; null: all were counted
    queued_to uuid not null,                        -- queueing goes on behind this event
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    check (since <= until),
    check ((state = 'running') = (finished_at is null)),
    check (not dry_run or queued = 0)
);
create index recovery_account on recovery (account, id);
create index recovery_running on recovery (id) where state = 'running';
-- An endpoint has one recovery at a time: several would share no limit.
create unique index recovery_one on recovery (endpoint) where state = 'running' and not dry_run;

alter table endpoint add column off_since timestamptz; -- what it missed since then can be recovered
update endpoint set off_since = updated_at where not enabled;

alter table due add column resend_of uuid, add column recovery uuid;
alter table settled add column resend_of uuid, add column recovery uuid;

-- Partial, so that the ordered deliveries of events pay nothing for them.
create index due_recovery on due (recovery) where recovery is not null;
create index settled_recovery on settled (recovery, state) where recovery is not null;
-- What a person asked for waits in no lane, tests and resends alike.
create index due_by_hand on due (id) where sample is not null or resend_of is not null;
drop index due_test;
