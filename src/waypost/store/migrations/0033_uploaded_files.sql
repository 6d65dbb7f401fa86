-- A CSV file whose columns its user matches with fields, kept for an hour at most, and how an account last matched
-- files with the same headings.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table uploaded_file (
    account_user uuid primary key references account_user (id) on delete cascade,
    content bytea not null check (length(content) <= 4194304),
    uploaded_at timestamptz not null
);

create index uploaded_file_age on uploaded_file (uploaded_at);

create table column_mapping (
    account uuid not null references account (id) on delete cascade,
    headings bytea not null check (length(headings) = 32),
    columns text not null,
    used_at timestamptz not null,
    primary key (account, headings)
);
