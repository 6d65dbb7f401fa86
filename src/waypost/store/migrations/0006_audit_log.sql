-- The audit log: only ever appended to, chained by digests, kept for ever.

create table audit_entry (
    account uuid not null,
    number bigint not null check (number > 0),      -- without gaps within its account
    at timestamptz not null,
    actor text not null,
    address text,                                   -- null: not by a browser
    action text not null,
    subject text not null,
    changes jsonb not null,
    digest bytea not null check (length(digest) = 32),
    primary key (account, number)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only ever appended to';
end $$;
create trigger audit_entry_stays before update or delete or truncate on audit_entry
    for each statement execute function refuse_change();
