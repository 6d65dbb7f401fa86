-- What a test sends if it is not a sample: the state of a parcel, or a body that somebody has edited.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table test_payload (
    delivery uuid primary key,
    account uuid not null references account (id) on delete cascade,
    tracking_number text,
    state bytea,
    body bytea check (length(body) <= 65536),
    check ((state is null) <> (body is null))
);

create index test_payload_account on test_payload (account);
