-- Links in mail: to choose a password, and to confirm a new address. Each works once.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table mail_link (
    digest bytea primary key check (length(digest) = 32),
    account_user uuid not null references account_user (id) on delete cascade,
    email text check (length(email) between 3 and 254),
    expires_at timestamptz not null
);
create index mail_link_expiry on mail_link (expires_at);
create index mail_link_user on mail_link (account_user);
