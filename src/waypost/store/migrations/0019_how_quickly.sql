-- How quickly endpoints get their webhooks: from event to acceptance, with time-outs in the response times; and until when
-- a failing endpoint's deliveries are paused.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table delivery_hours
    add column timed_out integer not null default 0,
    add column timed_out_ms bigint not null default 0,
    add column arrival integer[] not null default '{}';
alter table endpoint_health add column paused_until timestamptz;
