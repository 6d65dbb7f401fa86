-- The tables as they were before migrations ran beside a serving version. `bucket` is in the key of every large table
-- and leads none of the hot table's indexes: a leading bucket makes the claim read the backlog. No foreign key or
-- unique constraint crosses buckets.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table migration (
    number integer primary key,
    name text not null,
    checksum bytea not null,
    applied_at timestamptz not null default now()
);

create table account (
    id uuid primary key,
    email text not null,
    name text not null,
    created_at timestamptz not null default now(),
    accent text,                                    -- the colour of its track pages; null: the usual one
    embed_origins text[] not null default '{}',     -- the sites that may show its track pages in a frame
    check (length(email) between 3 and 254),
    constraint account_accent check (accent ~ '^#[0-9a-f]{6}$')
);
create unique index account_email on account (lower(email));

create table account_user (
    id uuid primary key,
    account uuid not null references account,
    email text not null,
    password_hash text not null,
    role text not null check (role in ('owner', 'member')),
    created_at timestamptz not null default now(),
    sessions_from timestamptz not null default now() -- what was logged in before a change of the password is out
);
create unique index account_user_email on account_user (lower(email));
create index account_user_account on account_user (account, id);

-- What browsers hold is kept as its digest only: whoever reads this table can't log in with it.
create table web_session (
    digest bytea primary key check (length(digest) = 32),
    data bytea not null,
    expires_at timestamptz not null
);
create index web_session_expiry on web_session (expires_at);

create table login_link (
    digest bytea primary key check (length(digest) = 32),
    account_user uuid not null references account_user on delete cascade,
    expires_at timestamptz not null
);
create index login_link_expiry on login_link (expires_at);

create table api_key (
    id uuid primary key,
    account uuid not null references account,
    name text not null,
    prefix text not null,
    digest bytea not null unique check (length(digest) = 32),
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
create index api_key_account on api_key (account, id);

-- Apart from the keys, which stand still: written once a minute at most for each.
create table api_key_use (
    api_key uuid primary key,
    last_used_at timestamptz not null
);

create table endpoint (
    id uuid primary key,
    account uuid not null references account,
    url text not null check (length(url) between 1 and 2048),
    description text not null default '',
    version text not null check (version in ('V2', 'V3', 'V4')),
    statuses text[],                                -- null: all of them
    trigger text not null check (trigger in ('every_update', 'status_change')),
    ordering text not null check (ordering in ('ordered', 'latest', 'unordered')),
    enabled boolean not null default true,
    disabled_reason text check (disabled_reason in ('user', 'gone', 'failing')),
    secret bytea not null,                          -- sealed
    previous_secret bytea,                          -- sealed; signs too until `previous_until`
    previous_until timestamptz,
    headers bytea,                                  -- sealed JSON of the endpoint's own headers; null: none
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    rate_limit_per_second integer,                  -- attempts a second at most; null: as many as it takes
    off_since timestamptz,                          -- what it missed since then can be recovered
    check (enabled = (disabled_reason is null)),
    check ((previous_secret is null) = (previous_until is null)),
    check (deleted_at is null or not enabled),
    constraint endpoint_rate_limit check (rate_limit_per_second between 1 and 1000)
);
create index endpoint_account on endpoint (account, id) where deleted_at is null;

-- What changes often about an endpoint lives here, so that its own row stays still.
create table endpoint_health (
    endpoint uuid primary key,
    failing_since timestamptz,
    last_error text,
    last_success_at timestamptz
);

-- Lists are read lane by lane, a lane being one (archived, status), with the courier if that is asked for. An id holds
-- its bucket, so no list has to read it from an index. Every index that holds `status` is written when the status
-- changes, the one that holds `updated_at` at every change.
create table tracking (
    bucket smallint not null check (bucket between 0 and 255),
    id uuid not null,
    account uuid not null,
    tracking_number text collate "C" not null,
    courier_code text collate "C" not null,
    status text not null check (status in ('pending', 'notfound', 'inforeceived', 'transit', 'pickup', 'undelivered',
                                           'delivered', 'exception', 'expired')),
    substatus text not null,
    sequence integer not null default 0 check (sequence >= 0),   -- of its newest event; 0 before the first
    last_event uuid,
    state bytea not null,                                        -- zlib-compressed JSON of TrackingState
    created_at timestamptz not null,
    updated_at timestamptz not null,
    archived boolean not null default false,
    order_number text collate "C",                               -- to be found by its beginning
    primary key (id, bucket),
    check ((sequence = 0) = (last_event is null))
) with (fillfactor = 80);
create unique index tracking_number on tracking (account, tracking_number, courier_code, bucket);
create index tracking_lane on tracking (account, archived, status, id);
create index tracking_courier_lane on tracking (account, courier_code, archived, status, id);
create index tracking_changed_lane on tracking (account, courier_code, archived, status, updated_at, id);
create index tracking_order on tracking (account, order_number) where order_number is not null;

-- What was deleted is found by its number for as long as its events and deliveries are kept.
create table deleted_tracking (
    bucket smallint not null,
    day date not null,                              -- of the deletion, UTC
    id uuid not null,
    account uuid not null,
    tracking_number text collate "C" not null,
    primary key (id, day, bucket)
) partition by range (day);
create index deleted_tracking_number on deleted_tracking (account, tracking_number);

-- One row for each tracking that is still asked for or may still expire. `expires_at` is moved lazily: when it comes,
-- the state tells whether it is really due.
create table watch (
    bucket smallint not null,
    tracking uuid not null,
    courier_code text collate "C" not null,
    next_poll_at timestamptz,                       -- null: no source is asked for it
    unchanged smallint not null default 0,          -- polls in a row that brought nothing new
    status_since timestamptz not null default now(),
    last_polled_at timestamptz,
    leased_until timestamptz,
    expires_at timestamptz not null,
    primary key (tracking, bucket)
) with (fillfactor = 70);
create index watch_polls on watch (courier_code, next_poll_at) where next_poll_at is not null;
create index watch_expiry on watch (expires_at);

create table event (
    bucket smallint not null,
    day date not null,                              -- the UTC day of the id
    id uuid not null,
    account uuid not null,
    tracking uuid not null,
    tracking_number text collate "C" not null,
    courier_code text collate "C" not null,
    sequence integer not null check (sequence > 0),
    status text not null,
    substatus text not null,
    previous_status text not null,
    source text not null check (source in ('poll', 'push', 'api', 'expiry')),
    deliveries smallint not null,                   -- how many it made, for the reconciler
    skipped jsonb,                                  -- endpoint -> why it got nothing
    state bytea not null,
    primary key (id, day, bucket),
    check (day = (uuid_extract_timestamp(id) at time zone 'utc')::date)
) partition by range (day);
create index event_account on event (account, id);
create index event_tracking on event (tracking, id);

-- The hot table: unsettled deliveries, one queue for each parcel and endpoint, one lane for each endpoint.
create table due (
    bucket smallint not null,
    id uuid not null,
    endpoint uuid not null,
    tracking uuid not null,
    event uuid not null,
    sequence integer not null,
    ordering text not null check (ordering in ('ordered', 'latest', 'unordered')),
    blocked boolean not null default false,         -- waits behind an earlier row of its parcel and endpoint
    next_at timestamptz not null default now(),
    tries smallint not null default 0,              -- attempts that ended
    lease_no integer not null default 0,            -- the fencing number: counts claims
    leased_by integer,
    leased_until timestamptz,                       -- in no index: the claim is a heap-only update
    cancelling text,                                -- why it is cancelled when its attempt ends without success
    sample text,                                    -- a test: what is sent is the sample of this status
    resend_of uuid,                                 -- asked for again one by one
    recovery uuid,                                  -- asked for again by a recovery
    crashes smallint not null default 0,            -- how often sending it raised on our side
    deaths smallint not null default 0,             -- how often in a row the process that had it in hand died
    primary key (id, bucket),
    check (not blocked or (ordering <> 'unordered' and leased_until is null)),
    check (sample is null or ordering = 'unordered')
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
create index due_queue on due (tracking, endpoint, sequence) where ordering <> 'unordered';
create unique index due_head on due (tracking, endpoint, bucket) where ordering <> 'unordered' and not blocked;
create index due_lane on due (endpoint, next_at) where not blocked and sample is null;
-- What waits of an endpoint, for whoever asks for that: the condition is true of every row, and only a statement that
-- repeats it can be given this index. Statements that look rows up by id were given it, too, when one endpoint had
-- nearly everything that waits (PostgreSQL 18 skips over the few endpoints), and read half of it at each settle.
create index due_endpoint on due (endpoint, id) where sequence > 0;
-- What was tried and waits to be tried again: an endpoint's page shows its last errors. A retry changes next_at, which
-- is indexed too, so this costs no heap-only update.
create index due_tried on due (endpoint, id) where tries > 0;
-- What people asked for waits in no lane, tests and resends alike, and is found by when it is due.
create index due_by_hand on due (next_at, id) where sample is not null or resend_of is not null;
-- A parcel that is deleted takes with it what is queued outside its order.
create index due_unordered on due (tracking) where ordering = 'unordered' and sample is null;
create index due_recovery on due (recovery) where recovery is not null;
create index due_suspect on due (next_at, id) where deaths >= 2; -- empty in calm

create table settled (
    bucket smallint not null,
    day date not null,                              -- the UTC day of the id, not of the settling
    id uuid not null,
    endpoint uuid not null,
    tracking uuid not null,
    event uuid not null,
    sequence integer not null,
    state text not null check (state in ('delivered', 'failed', 'superseded', 'cancelled')),
    reason text,
    tries smallint not null,
    sample text,
    settled_at timestamptz not null,
    resend_of uuid,
    recovery uuid,
    primary key (id, day, bucket),
    check (day = (uuid_extract_timestamp(id) at time zone 'utc')::date)
) partition by range (day);
create index settled_endpoint on settled (endpoint, id);
create index settled_undelivered on settled (endpoint, id) where state <> 'delivered';
create index settled_test on settled (endpoint, id) where sample is not null;
create index settled_tracking on settled (tracking, id);
create index settled_recovery on settled (recovery, state) where recovery is not null;

create table attempt (
    bucket smallint not null,
    day date not null,                              -- the UTC day of the delivery's id
    delivery uuid not null,
    number integer not null,                        -- the lease it was made under
    started_at timestamptz not null,
    duration_ms integer not null,
    version text not null,
    outcome text not null,
    status_code smallint,
    retry_after_seconds integer,
    url text not null,
    signed_at bigint not null,                      -- the timestamp header, Unix seconds
    signature text not null,
    webhook_signature text not null,
    user_agent text not null,
    own_headers text[],                             -- the names of the endpoint's own; null: none
    body_sha256 bytea not null,
    body_length integer not null,
    response_headers jsonb,                         -- null: no response came
    response_body bytea,
    response_truncated boolean,
    primary key (delivery, number, day, bucket)
) partition by range (day);

-- How an endpoint does, hour by hour. Each dispatcher has rows of its own, so that nobody waits for anybody.
create table delivery_hours (
    endpoint uuid not null,
    day date not null,
    hour timestamptz not null,
    dispatcher integer not null,
    delivered integer not null,                     -- deliveries that ended so
    failed integer not null,
    attempts integer not null,
    failed_attempts integer not null,
    latency integer[] not null,                     -- answered attempts by domain/latency.py's bounds
    primary key (endpoint, hour, dispatcher, day),
    check (day = (hour at time zone 'utc')::date)
) partition by range (day);

create table idempotency (
    bucket smallint not null,
    account uuid not null,
    key text not null,
    request bytea not null,
    answer bytea,
    at timestamptz not null default now(),
    primary key (account, key, bucket)
);

-- One row for each dispatcher process; that it lives is proven by the advisory lock on its number. Several share the
-- endpoints: one that has not been seen for some seconds is paused and gets none. The child of the `serve` that owns
-- this PostgreSQL never outlives its parent: a later one takes its leases over at once.
create table dispatcher (
    number integer generated always as identity primary key,
    joined_at timestamptz not null default now(),
    child boolean not null default false,
    seen_at timestamptz not null default now(),
    witness uuid,                                   -- the parent of its process
    place smallint                                  -- among the processes of that parent
);

-- How many calls an account made in the current second. One row for each account and call, written a few times a
-- second at most, so it lives in the room that its own dead versions leave.
create unlogged table call_window (
    account uuid not null,
    call text not null,
    at timestamptz not null,                        -- the second that is counted
    taken integer not null,
    primary key (account, call)
) with (fillfactor = 50);

-- Single values of the installation, such as the check value of the secret key.
create table installation (
    name text primary key,
    value bytea not null
);

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

-- Deliveries that were asked for again by the hundred. What a recovery has done stands in its row, so that it goes on
-- where it was after a restart.
create table recovery (
    id uuid primary key,
    account uuid not null references account,
    endpoint uuid not null references endpoint,
    only_what text not null check (only_what in ('failed', 'missed', 'all')),
    since timestamptz not null,
    until timestamptz not null,
    dry_run boolean not null,
    state text not null default 'running' check (state in ('running', 'done', 'stopped')),
    matched integer not null default 0,
    queued integer not null default 0,
    counted_to uuid,                                -- counting goes on behind this event; null: all were counted
    queued_to uuid not null,                        -- queueing goes on behind this event
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    check (since <= until),
    check ((state = 'running') = (finished_at is null)),
    check (not dry_run or queued = 0)
);
create index recovery_account on recovery (account, id);
create index recovery_running on recovery (id) where state = 'running';
-- An endpoint has one recovery at a time: several would share no limit. It has one dry run at a time, too: each reads
-- up to a month of events.
create unique index recovery_one on recovery (endpoint) where state = 'running' and not dry_run;
create unique index recovery_one_dry_run on recovery (endpoint) where state = 'running' and dry_run;
