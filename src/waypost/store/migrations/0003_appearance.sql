-- How an account looks to shoppers: the colour of its track pages, and the sites that may show them in a frame.

set local lock_timeout = '10s';

alter table account
    add column accent text, -- null: the usual one
    add column embed_origins text[] not null default '{}';
-- Not valid: all rows are null, and a check of them would hold up readers.
alter table account add constraint account_accent check (accent ~ '^#[0-9a-f]{6}$') not valid;
