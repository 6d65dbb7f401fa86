-- Letters: mail to people that must not be lost between a decision and the mail server's response. `sealed` is what is
-- sent, erased as soon as it is settled. Without an account it is a request for a new password that nobody has looked at.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table letter (
    id uuid primary key,
    account uuid references account (id) on delete cascade,
    account_user uuid references account_user (id) on delete cascade,
    owner uuid not null generated always as (coalesce(account, id)) stored,
    purpose text not null check (purpose in ('invitation', 'lost_password', 'new_address', 'address_changed')),
    address text not null check (length(address) between 3 and 254),
    sealed bytea,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
    tries smallint not null default 0,
    next_at timestamptz not null default now(),
    leased_until timestamptz,
    expires_at timestamptz not null,
    settled_at timestamptz,
    answer text check (length(answer) <= 2000),
    check ((state = 'waiting') = (settled_at is null)),
    check ((state = 'waiting') = (sealed is not null))
);
create index letter_due on letter (next_at) where state = 'waiting';
create index letter_account on letter (account, id);
create index letter_user on letter (account_user);
