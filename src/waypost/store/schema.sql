-- What all migrations make, written by `make schema`. Day partitions are left out.

create table account (
    id uuid not null,
    email text not null,
    name text not null,
    created_at timestamp with time zone default now() not null,
    accent text,
    embed_origins text[] default '{}'::text[] not null,
    time_zone text default 'UTC'::text not null,
    constraint account_accent CHECK (accent ~ '^#[0-9a-f]{6}$'::text),
    constraint account_email_check CHECK (length(email) >= 3 AND length(email) <= 254),
    constraint account_pkey PRIMARY KEY (id)
);

create table account_quota (
    account uuid not null,
    parcels bigint,
    updates_per_day bigint,
    disk_bytes bigint,
    constraint account_quota_disk_bytes_check CHECK (disk_bytes >= 0),
    constraint account_quota_parcels_check CHECK (parcels >= 0),
    constraint account_quota_pkey PRIMARY KEY (account),
    constraint account_quota_updates_per_day_check CHECK (updates_per_day >= 0)
);

create table account_usage (
    account uuid not null,
    parcels bigint default 0 not null,
    disk_bytes bigint default 0 not null,
    day date default (now() AT TIME ZONE 'utc'::text)::date not null,
    updates bigint default 0 not null,
    constraint account_usage_disk_bytes_check CHECK (disk_bytes >= 0),
    constraint account_usage_parcels_check CHECK (parcels >= 0),
    constraint account_usage_pkey PRIMARY KEY (account),
    constraint account_usage_updates_check CHECK (updates >= 0)
);

create table account_user (
    id uuid not null,
    account uuid not null,
    email text not null,
    password_hash text not null,
    role text not null,
    created_at timestamp with time zone default now() not null,
    sessions_from timestamp with time zone default now() not null,
    time_zone text,
    constraint account_user_pkey PRIMARY KEY (id),
    constraint account_user_role_check CHECK (role = ANY (ARRAY['owner'::text, 'member'::text]))
);

create table alert (
    id uuid not null,
    channel uuid not null,
    incident uuid,
    what text not null,
    content jsonb not null,
    state text default 'waiting'::text not null,
    tries smallint default 0 not null,
    next_at timestamp with time zone default now() not null,
    created_at timestamp with time zone default now() not null,
    settled_at timestamp with time zone,
    answer text,
    constraint alert_answer_check CHECK (length(answer) <= 2000),
    constraint alert_check CHECK ((state = 'waiting'::text) = (settled_at IS NULL)),
    constraint alert_pkey PRIMARY KEY (id),
    constraint alert_state_check CHECK (state = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text, 'skipped'::text])),
    constraint alert_what_check CHECK (what = ANY (ARRAY['opened'::text, 'reminded'::text, 'closed'::text, 'test'::text]))
);

create table alert_channel (
    id uuid not null,
    account uuid,
    owner uuid generated always as (COALESCE(account, '00000000-0000-0000-0000-000000000000'::uuid)) stored not null,
    service text not null,
    name text not null,
    target bytea not null,
    kinds text[],
    quiet_from time without time zone,
    quiet_until time without time zone,
    enabled boolean default true not null,
    created_at timestamp with time zone default now() not null,
    updated_at timestamp with time zone default now() not null,
    leased_until timestamp with time zone,
    window_at timestamp with time zone,
    window_sent smallint default 0 not null,
    constraint alert_channel_check CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
    constraint alert_channel_name_check CHECK (length(name) >= 1 AND length(name) <= 100),
    constraint alert_channel_pkey PRIMARY KEY (id),
    constraint alert_channel_service_check CHECK (service = ANY (ARRAY['email'::text, 'slack'::text, 'teams'::text, 'telegram'::text, 'pagerduty'::text, 'ntfy'::text, 'webhook'::text]))
);

create table api_key (
    id uuid not null,
    account uuid not null,
    name text not null,
    prefix text not null,
    digest bytea not null,
    scopes text[] not null,
    created_at timestamp with time zone default now() not null,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    made_by text,
    constraint api_key_digest_check CHECK (length(digest) = 32),
    constraint api_key_digest_key UNIQUE (digest),
    constraint api_key_pkey PRIMARY KEY (id)
);

create table api_key_use (
    api_key uuid not null,
    last_used_at timestamp with time zone not null,
    constraint api_key_use_pkey PRIMARY KEY (api_key)
);

create table attempt (
    bucket smallint not null,
    day date not null,
    delivery uuid not null,
    number integer not null,
    started_at timestamp with time zone not null,
    duration_ms integer not null,
    version text not null,
    outcome text not null,
    status_code smallint,
    retry_after_seconds integer,
    url text not null,
    signed_at bigint not null,
    signature text default ''::text not null,
    webhook_signature text default ''::text not null,
    user_agent text not null,
    own_headers text[],
    body_sha256 bytea not null,
    body_length integer not null,
    response_headers jsonb,
    response_body bytea,
    response_truncated boolean,
    reason text,
    signatures bytea,
    constraint attempt_pkey PRIMARY KEY (delivery, number, day, bucket)
) partition by RANGE (day);

create table audit_entry (
    account uuid not null,
    number bigint not null,
    at timestamp with time zone not null,
    actor text not null,
    address text,
    action text not null,
    subject text not null,
    changes jsonb not null,
    digest bytea not null,
    constraint audit_entry_digest_check CHECK (length(digest) = 32),
    constraint audit_entry_number_check CHECK (number > 0),
    constraint audit_entry_pkey PRIMARY KEY (account, number)
);

create table audit_pruned (
    account uuid not null,
    number bigint not null,
    digest bytea not null,
    constraint audit_pruned_digest_check CHECK (length(digest) = 32),
    constraint audit_pruned_number_check CHECK (number > 0),
    constraint audit_pruned_pkey PRIMARY KEY (account)
);

create table bulk_action (
    id uuid not null,
    account uuid not null,
    kind text not null,
    wanted jsonb not null,
    query text not null,
    state text default 'counting'::text not null,
    matched integer default 0 not null,
    changed integer default 0 not null,
    left_out integer default 0 not null,
    walked_to uuid not null,
    created_at timestamp with time zone default now() not null,
    finished_at timestamp with time zone,
    constraint bulk_action_check CHECK ((state = ANY (ARRAY['done'::text, 'stopped'::text])) = (finished_at IS NOT NULL)),
    constraint bulk_action_kind_check CHECK (kind = ANY (ARRAY['resend'::text, 'cancel'::text])),
    constraint bulk_action_pkey PRIMARY KEY (id),
    constraint bulk_action_query_check CHECK (length(query) <= 2000),
    constraint bulk_action_state_check CHECK (state = ANY (ARRAY['counting'::text, 'counted'::text, 'running'::text, 'done'::text, 'stopped'::text]))
);

create table call_window (
    account uuid not null,
    call text not null,
    at timestamp with time zone not null,
    taken integer not null,
    constraint call_window_pkey PRIMARY KEY (account, call)
) with (fillfactor=50);

create table column_mapping (
    account uuid not null,
    headings bytea not null,
    columns text not null,
    used_at timestamp with time zone not null,
    constraint column_mapping_headings_check CHECK (length(headings) = 32),
    constraint column_mapping_pkey PRIMARY KEY (account, headings)
);

create table connection (
    id uuid not null,
    account uuid,
    source text not null,
    kind text not null,
    name text not null,
    enabled boolean default true not null,
    credentials bytea,
    settings jsonb default '{}'::jsonb not null,
    created_at timestamp with time zone default now() not null,
    updated_at timestamp with time zone default now() not null,
    routed_at timestamp with time zone,
    shared_with uuid[],
    constraint connection_check CHECK ((account IS NULL) = (credentials IS NULL)),
    constraint connection_kind_check CHECK (kind = ANY (ARRAY['carrier'::text, 'push'::text, 'shop'::text])),
    constraint connection_pkey PRIMARY KEY (id)
);

create table connection_health (
    connection uuid not null,
    state text default 'new'::text not null,
    state_since timestamp with time zone default now() not null,
    message text,
    sample text,
    last_answer_at timestamp with time zone,
    spending bytea,
    asked_by uuid,
    asked_until timestamp with time zone,
    constraint connection_health_pkey PRIMARY KEY (connection),
    constraint connection_health_state_check CHECK (state = ANY (ARRAY['new'::text, 'works'::text, 'limited'::text, 'refused'::text, 'unreadable'::text, 'paused'::text]))
) with (fillfactor=50);

create table deleted_tracking (
    bucket smallint not null,
    day date not null,
    id uuid not null,
    account uuid not null,
    tracking_number text collate "C" not null,
    constraint deleted_tracking_pkey PRIMARY KEY (id, day, bucket)
) partition by RANGE (day);

create table delivery_hours (
    endpoint uuid not null,
    day date not null,
    hour timestamp with time zone not null,
    dispatcher integer not null,
    delivered integer not null,
    failed integer not null,
    attempts integer not null,
    failed_attempts integer not null,
    latency integer[] not null,
    flawed_answers integer default 0 not null,
    timed_out integer default 0 not null,
    timed_out_ms bigint default 0 not null,
    arrival integer[] default '{}'::integer[] not null,
    constraint delivery_hours_check CHECK (day = (hour AT TIME ZONE 'utc'::text)::date),
    constraint delivery_hours_pkey PRIMARY KEY (endpoint, hour, dispatcher, day)
) partition by RANGE (day);

create table dispatcher (
    number integer generated by default as identity not null,
    joined_at timestamp with time zone default now() not null,
    child boolean default false not null,
    seen_at timestamp with time zone default now() not null,
    witness uuid,
    place smallint,
    constraint dispatcher_pkey PRIMARY KEY (number)
);

create table due (
    bucket smallint not null,
    id uuid not null,
    endpoint uuid not null,
    tracking uuid not null,
    event uuid not null,
    sequence integer not null,
    ordering text not null,
    blocked boolean default false not null,
    next_at timestamp with time zone default now() not null,
    tries smallint default 0 not null,
    lease_no integer default 0 not null,
    leased_by integer,
    leased_until timestamp with time zone,
    cancelling text,
    sample text,
    resend_of uuid,
    recovery uuid,
    crashes smallint default 0 not null,
    deaths smallint default 0 not null,
    constraint due_check CHECK (NOT blocked OR ordering <> 'unordered'::text AND leased_until IS NULL),
    constraint due_check1 CHECK (sample IS NULL OR ordering = 'unordered'::text),
    constraint due_ordering_check CHECK (ordering = ANY (ARRAY['ordered'::text, 'latest'::text, 'unordered'::text])),
    constraint due_pkey PRIMARY KEY (id, bucket)
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0);

create table duty (
    number integer not null,
    done_at timestamp with time zone not null,
    constraint duty_pkey PRIMARY KEY (number)
);

create table endpoint (
    id uuid not null,
    account uuid not null,
    url text not null,
    description text default ''::text not null,
    version text not null,
    statuses text[],
    trigger text not null,
    ordering text not null,
    enabled boolean default true not null,
    disabled_reason text,
    secret bytea not null,
    previous_secret bytea,
    previous_until timestamp with time zone,
    headers bytea,
    created_at timestamp with time zone default now() not null,
    updated_at timestamp with time zone default now() not null,
    deleted_at timestamp with time zone,
    rate_limit_per_second integer,
    off_since timestamp with time zone,
    disable_after_days smallint default 7,
    recover_automatically boolean default false not null,
    enabled_at timestamp with time zone,
    constraint endpoint_check CHECK (enabled = (disabled_reason IS NULL)),
    constraint endpoint_check1 CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    constraint endpoint_check2 CHECK (deleted_at IS NULL OR NOT enabled),
    constraint endpoint_disable_after_days CHECK (disable_after_days >= 1 AND disable_after_days <= 30),
    constraint endpoint_disabled_reason_check CHECK (disabled_reason = ANY (ARRAY['user'::text, 'gone'::text, 'failing'::text])),
    constraint endpoint_ordering_check CHECK (ordering = ANY (ARRAY['ordered'::text, 'latest'::text, 'unordered'::text])),
    constraint endpoint_pkey PRIMARY KEY (id),
    constraint endpoint_rate_limit CHECK (rate_limit_per_second >= 1 AND rate_limit_per_second <= 1000),
    constraint endpoint_trigger_check CHECK (trigger = ANY (ARRAY['every_update'::text, 'status_change'::text])),
    constraint endpoint_url_check CHECK (length(url) >= 1 AND length(url) <= 2048),
    constraint endpoint_version_check CHECK (version = ANY (ARRAY['V2'::text, 'V3'::text, 'V4'::text]))
);

create table endpoint_health (
    endpoint uuid not null,
    failing_since timestamp with time zone,
    last_error text,
    last_success_at timestamp with time zone,
    probe uuid,
    probed_at timestamp with time zone,
    paused_until timestamp with time zone,
    constraint endpoint_health_pkey PRIMARY KEY (endpoint)
);

create table event (
    bucket smallint not null,
    day date not null,
    id uuid not null,
    account uuid not null,
    tracking uuid not null,
    tracking_number text collate "C" not null,
    courier_code text collate "C" not null,
    sequence integer not null,
    status text not null,
    substatus text not null,
    previous_status text not null,
    source text not null,
    deliveries smallint not null,
    skipped jsonb,
    state bytea not null,
    constraint event_check CHECK (day = (uuid_extract_timestamp(id) AT TIME ZONE 'utc'::text)::date),
    constraint event_pkey PRIMARY KEY (id, day, bucket),
    constraint event_sequence_check CHECK (sequence > 0),
    constraint event_source_check CHECK (source = ANY (ARRAY['poll'::text, 'push'::text, 'api'::text, 'expiry'::text]))
) partition by RANGE (day);

create table idempotency (
    bucket smallint not null,
    account uuid not null,
    key text not null,
    request bytea not null,
    answer bytea,
    at timestamp with time zone default now() not null,
    constraint idempotency_pkey PRIMARY KEY (account, key, bucket)
);

create table inbound (
    id uuid not null,
    account uuid not null,
    connection uuid not null,
    source text not null,
    size integer not null,
    push bytea not null,
    unreadable text,
    constraint inbound_pkey PRIMARY KEY (id)
);

create table inbound_call (
    day date not null,
    id uuid not null,
    account uuid not null,
    connection uuid not null,
    became text not null,
    digest bytea,
    detail text,
    constraint inbound_call_became_check CHECK (became = ANY (ARRAY['updated'::text, 'unchanged'::text, 'registered'::text, 'unknown'::text, 'duplicate'::text, 'ignored'::text, 'unreadable'::text, 'refused'::text])),
    constraint inbound_call_check CHECK (day = (uuid_extract_timestamp(id) AT TIME ZONE 'utc'::text)::date),
    constraint inbound_call_pkey PRIMARY KEY (id, day)
) partition by RANGE (day);

create table inbound_token (
    digest bytea not null,
    connection uuid not null,
    token bytea not null,
    expires_at timestamp with time zone,
    constraint inbound_token_pkey PRIMARY KEY (digest)
);

create table incident (
    id uuid not null,
    account uuid,
    owner uuid generated always as (COALESCE(account, '00000000-0000-0000-0000-000000000000'::uuid)) stored not null,
    kind text not null,
    subject text not null,
    stage smallint default 0 not null,
    message text not null,
    details jsonb default '{}'::jsonb not null,
    opened_at timestamp with time zone not null,
    closed_at timestamp with time zone,
    change uuid not null,
    constraint incident_check CHECK (closed_at >= opened_at),
    constraint incident_check1 CHECK ((kind = 'operator'::text) = (account IS NULL)),
    constraint incident_kind_check CHECK (kind = ANY (ARRAY['endpoint_failing'::text, 'endpoint_disabled'::text, 'connection_refused'::text, 'budget_too_small'::text, 'parcels_stuck'::text, 'operator'::text])),
    constraint incident_message_check CHECK (length(message) <= 3000),
    constraint incident_pkey PRIMARY KEY (id),
    constraint incident_subject_check CHECK (length(subject) >= 1 AND length(subject) <= 100)
);

create table installation (
    name text not null,
    value bytea not null,
    constraint installation_pkey PRIMARY KEY (name)
);

create table letter (
    id uuid not null,
    account uuid,
    account_user uuid,
    owner uuid generated always as (COALESCE(account, id)) stored not null,
    purpose text not null,
    address text not null,
    sealed bytea,
    state text default 'waiting'::text not null,
    tries smallint default 0 not null,
    next_at timestamp with time zone default now() not null,
    leased_until timestamp with time zone,
    expires_at timestamp with time zone not null,
    settled_at timestamp with time zone,
    answer text,
    constraint letter_address_check CHECK (length(address) >= 3 AND length(address) <= 254),
    constraint letter_answer_check CHECK (length(answer) <= 2000),
    constraint letter_check CHECK ((state = 'waiting'::text) = (settled_at IS NULL)),
    constraint letter_check1 CHECK ((state = 'waiting'::text) = (sealed IS NOT NULL)),
    constraint letter_pkey PRIMARY KEY (id),
    constraint letter_purpose_check CHECK (purpose = ANY (ARRAY['invitation'::text, 'lost_password'::text, 'new_address'::text, 'address_changed'::text])),
    constraint letter_state_check CHECK (state = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text]))
);

create table login_link (
    digest bytea not null,
    account_user uuid not null,
    expires_at timestamp with time zone not null,
    constraint login_link_digest_check CHECK (length(digest) = 32),
    constraint login_link_pkey PRIMARY KEY (digest)
);

create table mail_link (
    digest bytea not null,
    account_user uuid not null,
    email text,
    expires_at timestamp with time zone not null,
    constraint mail_link_digest_check CHECK (length(digest) = 32),
    constraint mail_link_email_check CHECK (length(email) >= 3 AND length(email) <= 254),
    constraint mail_link_pkey PRIMARY KEY (digest)
);

create table migration (
    number integer not null,
    name text not null,
    checksum bytea not null,
    applied_at timestamp with time zone default now() not null,
    constraint migration_pkey PRIMARY KEY (number)
);

create table recovery (
    id uuid not null,
    account uuid not null,
    endpoint uuid not null,
    only_what text not null,
    since timestamp with time zone not null,
    until timestamp with time zone not null,
    dry_run boolean not null,
    state text default 'running'::text not null,
    matched integer default 0 not null,
    queued integer default 0 not null,
    counted_to uuid,
    queued_to uuid not null,
    created_at timestamp with time zone default now() not null,
    finished_at timestamp with time zone,
    constraint recovery_check CHECK (since <= until),
    constraint recovery_check1 CHECK ((state = 'running'::text) = (finished_at IS NULL)),
    constraint recovery_check2 CHECK (NOT dry_run OR queued = 0),
    constraint recovery_only_what_check CHECK (only_what = ANY (ARRAY['failed'::text, 'missed'::text, 'all'::text])),
    constraint recovery_pkey PRIMARY KEY (id),
    constraint recovery_state_check CHECK (state = ANY (ARRAY['running'::text, 'done'::text, 'stopped'::text]))
);

create table registrar (
    connection uuid not null,
    upto uuid not null,
    constraint registrar_pkey PRIMARY KEY (connection)
);

create table registration (
    tracking uuid not null,
    connection uuid not null,
    refused text,
    registered_at timestamp with time zone default now() not null,
    stopped_at timestamp with time zone,
    again boolean default false not null,
    constraint registration_pkey PRIMARY KEY (connection, tracking)
);

create table settled (
    bucket smallint not null,
    day date not null,
    id uuid not null,
    endpoint uuid not null,
    tracking uuid not null,
    event uuid not null,
    sequence integer not null,
    state text not null,
    reason text,
    tries smallint not null,
    sample text,
    settled_at timestamp with time zone not null,
    resend_of uuid,
    recovery uuid,
    constraint settled_check CHECK (day = (uuid_extract_timestamp(id) AT TIME ZONE 'utc'::text)::date),
    constraint settled_state_check CHECK (state = ANY (ARRAY['delivered'::text, 'failed'::text, 'superseded'::text, 'cancelled'::text]))
) partition by RANGE (day);

create table shipment (
    connection uuid not null,
    shipment text collate "C" not null,
    tracking uuid not null,
    replaced_by uuid,
    changed_at timestamp with time zone,
    constraint shipment_pkey PRIMARY KEY (connection, shipment, tracking),
    constraint shipment_shipment_check CHECK (length(shipment) >= 1 AND length(shipment) <= 100)
);

create table test_payload (
    delivery uuid not null,
    account uuid not null,
    tracking_number text,
    state bytea,
    body bytea,
    constraint test_payload_body_check CHECK (length(body) <= 65536),
    constraint test_payload_check CHECK ((state IS NULL) <> (body IS NULL)),
    constraint test_payload_pkey PRIMARY KEY (delivery)
);

create table tracking (
    bucket smallint not null,
    id uuid not null,
    account uuid not null,
    tracking_number text collate "C" not null,
    courier_code text collate "C" not null,
    status text not null,
    substatus text not null,
    sequence integer default 0 not null,
    last_event uuid,
    state bytea not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    archived boolean default false not null,
    order_number text collate "C",
    customer_name text collate "C",
    constraint tracking_bucket_check CHECK (bucket >= 0 AND bucket <= 255),
    constraint tracking_check CHECK ((sequence = 0) = (last_event IS NULL)),
    constraint tracking_pkey PRIMARY KEY (id, bucket),
    constraint tracking_sequence_check CHECK (sequence >= 0),
    constraint tracking_status_check CHECK (status = ANY (ARRAY['pending'::text, 'notfound'::text, 'inforeceived'::text, 'transit'::text, 'pickup'::text, 'undelivered'::text, 'delivered'::text, 'exception'::text, 'expired'::text]))
) with (fillfactor=80);

create table unread_scan (
    account uuid not null,
    source text not null,
    code text not null,
    text text not null,
    seen bigint not null,
    first_at timestamp with time zone not null,
    last_at timestamp with time zone not null,
    constraint unread_scan_code_check CHECK (length(code) <= 100),
    constraint unread_scan_pkey PRIMARY KEY (account, source, code, text),
    constraint unread_scan_seen_check CHECK (seen > 0),
    constraint unread_scan_text_check CHECK (length(text) <= 200)
);

create table uploaded_file (
    account_user uuid not null,
    content bytea not null,
    uploaded_at timestamp with time zone not null,
    constraint uploaded_file_content_check CHECK (length(content) <= 4194304),
    constraint uploaded_file_pkey PRIMARY KEY (account_user)
);

create table watch (
    bucket smallint not null,
    tracking uuid not null,
    courier_code text collate "C" not null,
    next_poll_at timestamp with time zone,
    unchanged smallint default 0 not null,
    status_since timestamp with time zone default now() not null,
    last_polled_at timestamp with time zone,
    leased_until timestamp with time zone,
    expires_at timestamp with time zone not null,
    connection uuid,
    rank smallint default 1 not null,
    unknowns smallint default 0 not null,
    tried uuid[],
    outcome text,
    heard_at timestamp with time zone,
    wanted boolean default false not null,
    constraint watch_pkey PRIMARY KEY (tracking, bucket)
) with (fillfactor=70);

create table web_session (
    digest bytea not null,
    data bytea not null,
    expires_at timestamp with time zone not null,
    constraint web_session_digest_check CHECK (length(digest) = 32),
    constraint web_session_pkey PRIMARY KEY (digest)
);

alter table account_user add constraint account_user_account_fkey FOREIGN KEY (account) REFERENCES account(id);

alter table alert_channel add constraint alert_channel_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table alert add constraint alert_channel_fkey FOREIGN KEY (channel) REFERENCES alert_channel(id) ON DELETE CASCADE;

alter table api_key add constraint api_key_account_fkey FOREIGN KEY (account) REFERENCES account(id);

alter table audit_pruned add constraint audit_pruned_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table bulk_action add constraint bulk_action_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table column_mapping add constraint column_mapping_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table connection add constraint connection_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table connection_health add constraint connection_health_connection_fkey FOREIGN KEY (connection) REFERENCES connection(id) ON DELETE CASCADE;

alter table endpoint add constraint endpoint_account_fkey FOREIGN KEY (account) REFERENCES account(id);

alter table inbound_token add constraint inbound_token_connection_fkey FOREIGN KEY (connection) REFERENCES connection(id) ON DELETE CASCADE;

alter table incident add constraint incident_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table letter add constraint letter_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table letter add constraint letter_account_user_fkey FOREIGN KEY (account_user) REFERENCES account_user(id) ON DELETE CASCADE;

alter table login_link add constraint login_link_account_user_fkey FOREIGN KEY (account_user) REFERENCES account_user(id) ON DELETE CASCADE;

alter table mail_link add constraint mail_link_account_user_fkey FOREIGN KEY (account_user) REFERENCES account_user(id) ON DELETE CASCADE;

alter table recovery add constraint recovery_account_fkey FOREIGN KEY (account) REFERENCES account(id);

alter table recovery add constraint recovery_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES endpoint(id);

alter table registrar add constraint registrar_connection_fkey FOREIGN KEY (connection) REFERENCES connection(id) ON DELETE CASCADE;

alter table registration add constraint registration_connection_fkey FOREIGN KEY (connection) REFERENCES connection(id) ON DELETE CASCADE;

alter table shipment add constraint shipment_connection_fkey FOREIGN KEY (connection) REFERENCES connection(id) ON DELETE CASCADE;

alter table test_payload add constraint test_payload_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table unread_scan add constraint unread_scan_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE;

alter table uploaded_file add constraint uploaded_file_account_user_fkey FOREIGN KEY (account_user) REFERENCES account_user(id) ON DELETE CASCADE;

CREATE UNIQUE INDEX account_email ON account USING btree (lower(email));

CREATE INDEX account_user_account ON account_user USING btree (account, id);

CREATE UNIQUE INDEX account_user_email ON account_user USING btree (lower(email));

CREATE INDEX alert_channel_owner ON alert_channel USING btree (owner, id);

CREATE INDEX alert_due ON alert USING btree (next_at) WHERE state = 'waiting'::text;

CREATE INDEX alert_history ON alert USING btree (channel, id);

CREATE INDEX alert_incident ON alert USING btree (incident, channel);

CREATE INDEX alert_waiting ON alert USING btree (channel, next_at) WHERE state = 'waiting'::text;

CREATE INDEX api_key_account ON api_key USING btree (account, id);

CREATE INDEX bulk_action_account ON bulk_action USING btree (account, id);

CREATE UNIQUE INDEX bulk_action_counted ON bulk_action USING btree (account) WHERE state = ANY (ARRAY['counting'::text, 'counted'::text]);

CREATE INDEX bulk_action_open ON bulk_action USING btree (id) WHERE state = ANY (ARRAY['counting'::text, 'running'::text]);

CREATE UNIQUE INDEX bulk_action_running ON bulk_action USING btree (account) WHERE state = 'running'::text;

CREATE INDEX connection_account ON connection USING btree (account, id);

CREATE INDEX connection_of_installation ON connection USING btree (id) WHERE account IS NULL;

CREATE INDEX connection_unrouted ON connection USING btree (id) WHERE enabled AND routed_at IS NULL;

CREATE INDEX deleted_tracking_number ON ONLY deleted_tracking USING btree (account, tracking_number);

CREATE INDEX due_by_hand ON due USING btree (next_at, id) WHERE sample IS NOT NULL OR resend_of IS NOT NULL;

CREATE INDEX due_endpoint ON due USING btree (endpoint, id) WHERE sequence > 0;

CREATE INDEX due_lane ON due USING btree (endpoint, next_at) WHERE NOT blocked AND sample IS NULL;

CREATE UNIQUE INDEX due_place ON due USING btree (tracking, endpoint, (
CASE
    WHEN blocked THEN sequence
    ELSE NULL::integer
END) NULLS FIRST, (
CASE
    WHEN blocked THEN id
    ELSE NULL::uuid
END)) NULLS NOT DISTINCT WHERE ordering <> 'unordered'::text;

CREATE INDEX due_recovery ON due USING btree (recovery) WHERE recovery IS NOT NULL;

CREATE INDEX due_suspect ON due USING btree (next_at, id) WHERE deaths >= 2;

CREATE INDEX due_tried ON due USING btree (endpoint, id) WHERE tries > 0;

CREATE INDEX due_unordered ON due USING btree (tracking) WHERE ordering = 'unordered'::text AND sample IS NULL;

CREATE INDEX endpoint_account ON endpoint USING btree (account, id) WHERE deleted_at IS NULL;

CREATE INDEX endpoint_given_up ON endpoint USING btree (id) WHERE (disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text])) AND deleted_at IS NULL;

CREATE INDEX endpoint_health_failing ON endpoint_health USING btree (endpoint) WHERE failing_since IS NOT NULL;

CREATE INDEX event_account ON ONLY event USING btree (account, id);

CREATE INDEX event_tracking ON ONLY event USING btree (tracking, id);

CREATE INDEX inbound_call_connection ON ONLY inbound_call USING btree (connection, id);

CREATE INDEX inbound_call_digest ON ONLY inbound_call USING btree (connection, digest) WHERE digest IS NOT NULL;

CREATE INDEX inbound_token_connection ON inbound_token USING btree (connection);

CREATE INDEX inbound_unreadable ON inbound USING btree (connection, id) WHERE unreadable IS NOT NULL;

CREATE INDEX inbound_waiting ON inbound USING btree (account, id) WHERE unreadable IS NULL;

CREATE UNIQUE INDEX incident_change ON incident USING btree (owner, change);

CREATE INDEX incident_closed ON incident USING btree (closed_at) WHERE closed_at IS NOT NULL;

CREATE UNIQUE INDEX incident_open ON incident USING btree (owner, kind, subject) WHERE closed_at IS NULL;

CREATE INDEX letter_account ON letter USING btree (account, id);

CREATE INDEX letter_due ON letter USING btree (next_at) WHERE state = 'waiting'::text;

CREATE INDEX letter_user ON letter USING btree (account_user);

CREATE INDEX login_link_expiry ON login_link USING btree (expires_at);

CREATE INDEX mail_link_expiry ON mail_link USING btree (expires_at);

CREATE INDEX mail_link_user ON mail_link USING btree (account_user);

CREATE INDEX recovery_account ON recovery USING btree (account, id);

CREATE UNIQUE INDEX recovery_one ON recovery USING btree (endpoint) WHERE state = 'running'::text AND NOT dry_run;

CREATE UNIQUE INDEX recovery_one_dry_run ON recovery USING btree (endpoint) WHERE state = 'running'::text AND dry_run;

CREATE INDEX recovery_running ON recovery USING btree (id) WHERE state = 'running'::text;

CREATE INDEX registration_again ON registration USING btree (connection) WHERE again;

CREATE INDEX registration_running ON registration USING btree (connection, tracking) WHERE stopped_at IS NULL AND refused IS NULL;

CREATE INDEX settled_endpoint ON ONLY settled USING btree (endpoint, id);

CREATE INDEX settled_recovery ON ONLY settled USING btree (recovery, state) WHERE recovery IS NOT NULL;

CREATE INDEX settled_test ON ONLY settled USING btree (endpoint, id) WHERE sample IS NOT NULL;

CREATE INDEX settled_tracking ON ONLY settled USING btree (tracking, id);

CREATE INDEX settled_undelivered ON ONLY settled USING btree (endpoint, id) WHERE state <> 'delivered'::text;

CREATE INDEX shipment_tracking ON shipment USING btree (tracking);

CREATE INDEX test_payload_account ON test_payload USING btree (account);

CREATE INDEX tracking_changed_lane ON tracking USING btree (account, courier_code, archived, status, updated_at, id);

CREATE INDEX tracking_courier_lane ON tracking USING btree (account, courier_code, archived, status, id);

CREATE INDEX tracking_customer ON tracking USING btree (account, customer_name) WHERE customer_name IS NOT NULL;

CREATE INDEX tracking_ending ON tracking USING btree (account, reverse(tracking_number));

CREATE INDEX tracking_lane ON tracking USING btree (account, archived, status, id);

CREATE INDEX tracking_last_name ON tracking USING btree (account, split_part(customer_name, ' '::text, '-1'::integer)) WHERE customer_name IS NOT NULL;

CREATE UNIQUE INDEX tracking_number ON tracking USING btree (account, tracking_number, courier_code, bucket);

CREATE INDEX tracking_order ON tracking USING btree (account, order_number) WHERE order_number IS NOT NULL;

CREATE INDEX uploaded_file_age ON uploaded_file USING btree (uploaded_at);

CREATE INDEX watch_asks ON watch USING btree (connection, rank, next_poll_at) WHERE next_poll_at IS NOT NULL;

CREATE INDEX watch_expiry ON watch USING btree (expires_at);

CREATE INDEX watch_polls ON watch USING btree (courier_code, next_poll_at) WHERE next_poll_at IS NOT NULL;

CREATE INDEX web_session_expiry ON web_session USING btree (expires_at);

create function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('waypost.audit_retention', true) = 'on' then
        return null;
    end if;
    raise exception 'the audit log is only ever appended to';
end $$;

CREATE TRIGGER audit_entry_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

