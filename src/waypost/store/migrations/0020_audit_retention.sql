-- The audit log gets an end: entries older than its retention go, and those of a deleted account.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table audit_pruned (
    account uuid primary key references account (id) on delete cascade,
    number bigint not null check (number > 0),                  -- of the newest entry that was deleted
    digest bytea not null check (length(digest) = 32)           -- what the oldest entry that is left is chained to
);

-- Statements that delete entries say so in their transaction; anything else is refused as before.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('waypost.audit_retention', true) = 'on' then
        return null;
    end if;
    raise exception 'the audit log is only ever appended to';
end $$;
