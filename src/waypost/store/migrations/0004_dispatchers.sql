-- Several dispatchers share the endpoints. Who has not been seen for some seconds is paused and gets none. The child of
-- the `serve` that owns this PostgreSQL is the only one of its kind at a time, and it never outlives its parent: another
-- one's leases are taken over at once, also just after PostgreSQL was restarted.
alter table dispatcher
    add column child boolean not null default false,
    add column seen_at timestamptz not null default now();

-- How many attempts a second an endpoint wants at most; null: as many as it takes.
alter table endpoint add column rate_limit_per_second integer;
alter table endpoint add constraint endpoint_rate_limit check (rate_limit_per_second between 1 and 1000) not valid;
