-- Pushes of aggregators, carriers and shop platforms: where they arrive, those that are not read yet, and what became of
-- the others.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table inbound_token (
    digest bytea primary key,                                   -- SHA-256 of the token in the address
    connection uuid not null references connection (id) on delete cascade,
    token bytea not null,                                       -- sealed, since its page shows the address
    expires_at timestamptz                                      -- null: the current one; set: a replaced one
);
create index inbound_token_connection on inbound_token (connection);

create table inbound (
    id uuid primary key,                                        -- rises in the order of arrival
    account uuid not null,
    connection uuid not null,
    source text not null,
    size integer not null,
    push bytea not null,                                        -- body and headers, sealed
    unreadable text                                             -- why it can't be read; null: it is yet to be read
);
create index inbound_waiting on inbound (account, id) where unreadable is null;
create index inbound_unreadable on inbound (connection, id) where unreadable is not null;

create table inbound_call (
    day date not null,
    id uuid not null,
    account uuid not null,
    connection uuid not null,
    became text not null check (became in ('updated', 'unchanged', 'registered', 'unknown', 'duplicate', 'ignored',
                                           'unreadable', 'refused')),
    digest bytea,                                               -- the same for a push that is sent again
    detail text,
    primary key (id, day),
    check (day = (uuid_extract_timestamp(id) at time zone 'utc')::date)
) partition by range (day);
create index inbound_call_connection on inbound_call (connection, id);
create index inbound_call_digest on inbound_call (connection, digest) where digest is not null;
