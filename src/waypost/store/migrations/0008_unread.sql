-- Codes and texts of scans that nobody understood, so that they can be reported and learnt.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table unread_scan (
    account uuid not null references account (id) on delete cascade,
    source text not null,
    code text not null check (length(code) <= 100),
    text text not null check (length(text) <= 200),
    seen bigint not null check (seen > 0),
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (account, source, code, text)
);
