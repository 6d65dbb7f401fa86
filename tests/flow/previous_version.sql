-- The statements of the version whose last migration is 0001.

-- name: account_by_email
select id from account where lower(email) = lower($1)

-- name: account_settings
select email, name, accent, embed_origins from account where id = $1

-- name: add_account
insert into account (id, email, name) values ($1, $2, $3);

-- name: add_api_key
insert into api_key (id, account, name, prefix, digest, scopes, expires_at)
select $1, $2, $3, $4, $5, $6, now() + $7::interval
where (select count(*) from api_key where account = $2 and revoked_at is null
       and (expires_at is null or expires_at > now())) < $8
returning id

-- name: add_endpoint
-- Nothing is inserted, and nothing returned, when the account has $12 endpoints already.
insert into endpoint (id, account, url, description, version, statuses, trigger, ordering, rate_limit_per_second,
                      headers, secret)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
where (select count(*) from endpoint where account = $2 and deleted_at is null) < $12
returning id

-- name: add_installation_value
-- The first one counts: of two processes that start at once, both read what one of them wrote.
insert into installation (name, value) values ($1, $2) on conflict (name) do nothing;

-- name: add_key
insert into api_key (id, account, name, prefix, digest, scopes) values ($1, $2, $3, $4, $5, $6);

-- name: add_login_link
insert into login_link (digest, account_user, expires_at)
select $2, id, now() + $3::interval from account_user where lower(email) = lower($1)
returning account_user

-- name: add_recovery
-- $8 is the id before the first event of the time. The end is never in the future: it could not be reached. Nothing is
-- inserted while another one of the endpoint runs, or is counted where this is a dry run: one of two unique indexes.
insert into recovery (id, account, endpoint, only_what, since, until, dry_run, counted_to, queued_to)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict do nothing
returning id

-- name: add_superseded
insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, recovery, settled_at)
select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
       'superseded', $1::text, 0, recovery, now()
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::integer[], $8::uuid[])
     as n (bucket, id, endpoint, tracking, event, sequence, recovery)

-- name: add_test
-- Its id is of the database's time, as every delivery's; that puts it into today's partition when it is settled.
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, sample)
select $1, $2, n.id, $5, $6, 1, 'unordered', $7
from endpoint n
where n.account = $3 and n.id = $4 and n.deleted_at is null
returning id

-- name: add_user
insert into account_user (id, account, email, password_hash, role) values ($1, $2, $3, $4, $5);

-- name: add_user_to_account
insert into account_user (id, account, email, password_hash, role)
select $1, $2, $3, $4, $5
where (select count(*) from account_user where account = $2) < $6
returning id

-- name: answer_keys
update idempotency i
set answer = k.answer
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::bytea[]) as k (bucket, account, key, answer)
where i.bucket = any ($1::smallint[]) and i.account = k.account and i.key = k.key and i.bucket = k.bucket

-- name: any_account
select exists (select from account) as found

-- name: api_keys
select k.id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, u.last_used_at
from api_key k left join api_key_use u on u.api_key = k.id
where k.account = $1 and ($2::uuid is null or k.id = $2)
order by k.revoked_at is not null, k.id desc
limit $3

-- name: append_audit_entry
insert into audit_entry (account, number, at, actor, address, action, subject, changes, digest)
values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)

-- name: ask_soon
-- Not sooner after the last ask than $3; an ask that runs is soon enough.
update watch
set next_poll_at = least(coalesce(next_poll_at, 'infinity'), greatest(now(), last_polled_at + $3::interval))
where bucket = any ($1::smallint[]) and tracking = $2

-- name: attempts
select number, started_at, duration_ms, version, outcome, status_code, retry_after_seconds, url, signed_at, signature,
       webhook_signature, user_agent, own_headers, body_sha256, body_length, response_headers, response_body,
       response_truncated
from attempt
where bucket = any ($1::smallint[]) and delivery = $2 and day = $3
order by number

-- name: audit_entries
select number, at, actor, address, action, subject, changes, digest
from audit_entry
where account = $1 and number < $2
order by number desc
limit $3

-- name: audit_entries_after
select number, at, actor, address, action, subject, changes, digest
from audit_entry
where account = $1 and number > $2
order by number
limit $3

-- name: audit_tail
-- Under the account's row lock: entries of one account are appended one after the other.
select n.number, n.digest, now() as at
from (values (1)) one (n)
left join lateral (
    select number, digest from audit_entry where account = $1 order by number desc limit 1) n on true

-- name: audited_accounts
select id, email from account where $1::uuid is null or id = $1 order by id

-- name: beat
-- A dispatcher that is paused keeps its lock; that it does not work is seen by this.
update dispatcher set seen_at = now() where number = $1

-- name: blocked_of_endpoint
select bucket, tracking, id from due
where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and id > $3 and blocked
order by id
limit 500

-- name: cancel
-- Under the tracking's row lock. What is in flight is marked: it is settled by the attempt that runs.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is null returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                         recovery, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'cancelled', $3::text, tries, sample, resend_of, recovery, now()
    from gone
), marked as (
    update due set cancelling = $3
    where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is not null
    returning 1
)
select (select count(*) from gone) as cancelled, (select count(*) from marked) as marked

-- name: change_account
update account set email = $2, name = $3, accent = $4, embed_origins = $5 where id = $1

-- name: change_endpoint
update endpoint
set url = $3, description = $4, version = $5, statuses = $6, trigger = $7, ordering = $8,
    rate_limit_per_second = $9, headers = $10, updated_at = now()
where account = $1 and id = $2 and deleted_at is null

-- name: change_role
-- Under the account's row lock. The last owner stays one: somebody must be able to let others in.
update account_user set role = $3
where account = $1 and id = $2
  and ($3 = 'owner' or exists (select from account_user where account = $1 and role = 'owner' and id <> $2))
returning email

-- name: change_trackings
update tracking t
set sequence = u.sequence, last_event = u.last_event, status = u.status, substatus = u.substatus, state = u.state,
    updated_at = u.updated_at, order_number = u.order_number
from unnest($2::smallint[], $3::uuid[], $4::integer[], $5::uuid[], $6::text[], $7::text[], $8::bytea[],
            $9::timestamptz[], $10::text[])
     as u (bucket, id, sequence, last_event, status, substatus, state, updated_at, order_number)
where t.bucket = any ($1::smallint[]) and t.bucket = u.bucket and t.id = u.id

-- name: claim
-- Lanes by endpoint: what one endpoint has waiting costs the others nothing. `low` bounds the scan from below, so that
-- dead index entries of what was settled are not walked again while an old snapshot keeps them.
-- An event that is gone leaves its state null: such a delivery cannot be rendered and is settled as failed.
-- Who is suspected (`deaths`) is claimed apart, here and below.
with picked as (
    select d.id
    from unnest($2::uuid[], $3::integer[], $6::timestamptz[]) as lane (endpoint, free, low)
    cross join lateral (
        select q.id from due q
        where q.bucket = any ($1::smallint[]) and q.endpoint = lane.endpoint and not q.blocked and q.sample is null
          and q.resend_of is null and q.deaths < 2
          and q.next_at between lane.low and now() and (q.leased_until is null or q.leased_until <= now())
        order by q.next_at
        limit lane.free
        for update skip locked) d
), claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $4, leased_until = now() + $5::interval
    where d.bucket = any ($1::smallint[]) and d.id = any (array(select id from picked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.crashes,
              d.deaths
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, e.state,
       c.cancelling is not null as cancelled, null::text as sample, c.crashes, c.deaths
from claimed c
left join lateral (
    select e.state from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = c.bucket
      and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
    offset 0) e on true

-- name: claim_by_hand
-- Tests and resends: what a person asked for waits in no lane, so that neither a backlog, an order, a breaker nor a rate
-- limit holds it up. A resend is tried again as others are, when its time has come. The endpoints $5 have enough of
-- them in flight.
with picked as (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and (q.sample is not null or q.resend_of is not null)
      and q.endpoint <> all ($5::uuid[]) and q.deaths < 2 and q.next_at <= now()
      and (q.leased_until is null or q.leased_until <= now())
    order by q.next_at, q.id
    limit $2
    for update skip locked
), claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $3, leased_until = now() + $4::interval
    where d.bucket = any ($1::smallint[]) and d.id = any (array(select id from picked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.sample,
              d.crashes, d.deaths
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, e.state,
       c.cancelling is not null as cancelled, c.sample, c.crashes, c.deaths
from claimed c
left join lateral (
    select e.state from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = c.bucket
      and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
    offset 0) e on true

-- name: claim_suspects
with claimed as (
    update due d
    set lease_no = d.lease_no + 1, leased_by = $3, leased_until = now() + $4::interval
    where d.bucket = any ($1::smallint[]) and d.id = any (array(
        select q.id from due q
        where q.bucket = any ($1::smallint[]) and q.id = any ($2::uuid[]) and q.deaths >= 2
          and (q.leased_until is null or q.leased_until <= now())
        for update skip locked))
    returning d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.lease_no, d.cancelling, d.sample,
              d.crashes, d.deaths
)
select c.bucket, c.id, c.endpoint, c.tracking, c.event, c.sequence, c.tries, c.lease_no, e.state,
       c.cancelling is not null as cancelled, c.sample, c.crashes, c.deaths
from claimed c
left join lateral (
    select e.state from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = c.bucket
      and e.day = (uuid_extract_timestamp(c.event) at time zone 'utc')::date and e.id = c.event
    offset 0) e on true

-- name: clock
-- The transaction's id is drawn before the time: whoever reads the horizon after this time sees this transaction.
select pg_current_xact_id(), clock_timestamp() as now

-- name: copy_attempt
insert into attempt (bucket, delivery, number, started_at, duration_ms, version, outcome, status_code, retry_after_seconds, url, signed_at, signature, webhook_signature, user_agent, own_headers, body_sha256, body_length, response_headers, response_body, response_truncated, day) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)

-- name: copy_due
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, blocked, recovery) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: copy_event
insert into event (bucket, day, id, account, tracking, tracking_number, courier_code, sequence, status, substatus, previous_status, source, deliveries, skipped, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: count_by_status
-- Each status by its own lane of the index, and no further than $3: a million parcels cost what ten thousand do. The
-- order keeps the planner to the index: for a rare status it would otherwise read the whole table. From the oldest on:
-- those change least, so what the index says of them need not be looked up in the table.
select s.status, n.count
from unnest($2::text[]) s (status)
cross join lateral (
    select count(*) as count
    from (select from tracking q
          where q.account = $1 and not q.archived and q.status = s.status
          order by q.id
          limit $3) one) n

-- name: count_due
-- Stops counting at $2: a scrape must not walk a backlog of millions.
select count(*) as count
from (select 1 from due
      where bucket = any ($1::smallint[]) and not blocked and next_at <= now()
        and (leased_until is null or leased_until <= now())
      limit $2) d;

-- name: delete_endpoint
update endpoint
set enabled = false, disabled_reason = coalesce(disabled_reason, 'user'), deleted_at = now(), updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning id

-- name: delete_session
delete from web_session where digest = $1

-- name: delete_tracking
with gone as (
    delete from tracking where bucket = any ($1::smallint[]) and id = $2 returning bucket, id, account, tracking_number
), unwatched as (
    delete from watch where bucket = any ($1::smallint[]) and tracking = $2
)
insert into deleted_tracking (bucket, day, id, account, tracking_number)
select bucket, (now() at time zone 'utc')::date, id, account, tracking_number from gone

-- name: deliveries_of_tracking
-- Two indexes: what waits in its order, and what stands outside of it.
select id from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering <> 'unordered'
union all
select id from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering = 'unordered' and sample is null

-- name: disable_endpoint
update endpoint set enabled = false, disabled_reason = $2, off_since = now(), updated_at = now()
where id = $1 and enabled and deleted_at is null

-- name: disown
-- A number that its process could not take back: whoever buries it must not take that for a death.
update dispatcher set witness = null where number = $1

-- name: due_expiries
select w.tracking, t.account, t.state
from (select bucket, tracking from watch
      where bucket = any ($1::smallint[]) and expires_at <= now()
      order by expires_at limit $2) w
join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = w.bucket and t.id = w.tracking

-- name: due_watches
-- Read without a lock: who asks ranks them first, then leases the few that it can ask now.
select w.tracking, w.status_since, w.unchanged, t.status, t.substatus
from unnest($2::text[]) as c (courier_code)
cross join lateral (
    select q.bucket, q.tracking, q.status_since, q.unchanged from watch q
    where q.bucket = any ($1::smallint[]) and q.courier_code = c.courier_code and q.next_poll_at <= now()
      and (q.leased_until is null or q.leased_until <= now())
    order by q.next_poll_at
    limit $3) w
join tracking t on t.bucket = any ($1::smallint[]) and t.bucket = w.bucket and t.id = w.tracking

-- name: edit_tracking
update tracking
set courier_code = $3, archived = $4, order_number = $5, state = $6, updated_at = $7
where bucket = any ($1::smallint[]) and id = $2

-- name: end_duty
select pg_advisory_unlock($1, $2)

-- name: end_rotation
update endpoint set previous_secret = null, previous_until = null, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: endpoint_ids
select id from endpoint where account = $1 and deleted_at is null

-- name: endpoint_secrets
select secret as current, case when previous_until > now() then previous_secret end as previous,
       case when previous_until > now() then previous_until end as previous_until
from endpoint where account = $1 and id = $2 and deleted_at is null

-- name: endpoints
select e.id, e.account, e.url, e.description, e.version, e.statuses, e.trigger, e.ordering,
       e.rate_limit_per_second, e.enabled, e.disabled_reason, e.headers, e.created_at, e.updated_at, h.failing_since,
       h.last_error, h.last_success_at, e.off_since
from endpoint e left join endpoint_health h on h.endpoint = e.id
where e.account = $1 and e.deleted_at is null and ($2::uuid is null or e.id = $2) and ($3::uuid is null or e.id < $3)
order by e.id desc
limit $4

-- name: endpoints_ever
select id from endpoint where account = $1 and ($2::uuid is null or id = $2)

-- name: events_to_judge
-- An account's events in the order of their ids, each with what became of it at the endpoint $3. What waits is found by
-- one of two indexes, for those that stand in queues and for the others.
select e.bucket, e.id, e.tracking, e.sequence, e.status, e.status <> e.previous_status as status_changed,
       coalesce(e.skipped ->> $4 = 'off', false) as was_off,
       t.id is null as parcel_gone,
       exists (select from due q
               where q.bucket = any ($1::smallint[]) and q.bucket = e.bucket and q.tracking = e.tracking
                 and q.endpoint = $3 and q.event = e.id and q.ordering <> 'unordered')
       or exists (select from due q
                  where q.bucket = any ($1::smallint[]) and q.bucket = e.bucket and q.tracking = e.tracking
                    and q.endpoint = $3 and q.event = e.id and q.ordering = 'unordered' and q.sample is null) as waiting,
       array(select distinct case when s.reason = 'endpoint_off' then s.reason else s.state end
             from settled s
             where s.bucket = any ($1::smallint[]) and s.bucket = e.bucket and s.day >= e.day
               and s.tracking = e.tracking and s.endpoint = $3 and s.event = e.id) as ends
from (select * from event e
      where e.bucket = any ($1::smallint[]) and e.account = $2 and e.id > $5 and e.id < $6 and e.day between $7 and $8
      order by e.id
      limit $9) e
left join lateral (select id from tracking t
                   where t.bucket = any ($1::smallint[]) and t.bucket = e.bucket and t.id = e.tracking
                   offset 0) t on true
order by e.id

-- name: expire_deliveries
-- Under the tracking's row lock. A lease that was taken meanwhile wins.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and leased_until is null returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                         recovery, settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'failed', $3::text, tries, sample, resend_of, recovery, now()
    from gone
)
select bucket, tracking, endpoint from gone

-- name: failed_attempts
-- No index leads from an endpoint to its attempts: they are found by its newest deliveries that may have failed ones.
-- Those that wait are looked for among those that were tried, however many were not; those that were delivered in the
-- end among the newest.
select d.id as delivery, a.started_at, a.outcome, a.status_code, a.location
from (select * from (
          (select bucket, id from due
           where bucket = any ($1::smallint[]) and endpoint = $2 and tries > 0 order by id desc limit $4)
          union
          (select bucket, id from settled
           where bucket = any ($1::smallint[]) and endpoint = $2 and state <> 'delivered' order by id desc limit $4)
          union
          select s.bucket, s.id
          from (select * from settled
                where bucket = any ($1::smallint[]) and endpoint = $2 order by id desc limit $4) s
          where s.tries > 1) d
      order by id desc limit $4) d
cross join lateral (
    select t.started_at, t.outcome, t.status_code,
           (select left(h ->> 1, 2049) from jsonb_array_elements(t.response_headers) h
            where t.outcome = 'http_3xx' and h ->> 0 = 'location' limit 1) as location
    from attempt t
    where t.bucket = any ($1::smallint[]) and t.bucket = d.bucket and t.delivery = d.id
      and t.day = (uuid_extract_timestamp(d.id) at time zone 'utc')::date
      and t.started_at > now() - interval '24 hours' and t.outcome <> 'succeeded' and t.url = $3
    offset 0) a
order by a.started_at desc
limit $4

-- name: fan_out
select id, account, url, description, version, statuses, trigger, ordering, enabled, disabled_reason, created_at, updated_at
from endpoint
where account = any ($1::uuid[]) and deleted_at is null

-- name: feed
-- The days $5 to $6 are those of the ids: they choose the partitions.
select e.id, e.tracking, e.tracking_number, e.courier_code, e.sequence, e.status, e.substatus, e.previous_status,
       e.source, e.state
from event e
where e.bucket = any ($1::smallint[]) and e.account = $2 and e.id > $3 and e.id < $4 and e.day between $5 and $6
order by e.id
limit $7

-- name: find_key
-- By the digest, which is unique. Revoked and expired keys are found by nobody, by the database's clock, so that all
-- processes agree.
select k.id as key, k.account, a.email, k.scopes
from api_key k
join account a on a.id = k.account
where k.digest = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- name: find_tracking
select t.id, t.sequence, t.state, w.last_polled_at, w.next_poll_at
from tracking t
left join watch w on w.bucket = any ($1::smallint[]) and w.bucket = t.bucket and w.tracking = t.id
where t.bucket = any ($1::smallint[]) and t.id = $3 and t.account = $2

-- name: find_trackings
-- The number as a range, in its order: asked for by equality alone every index that begins with the account costs the
-- same to the planner while the table is young, and it has taken one that reads all of the account for each number.
select u.position, t.id
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[])
     with ordinality as u (bucket, account, tracking_number, courier_code, position)
cross join lateral (
    select q.id from tracking q
    where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.account = u.account
      and q.tracking_number >= u.tracking_number and q.tracking_number <= u.tracking_number
      and q.courier_code = u.courier_code
    order by q.tracking_number) t

-- name: finish_recovery
update recovery set state = $2, finished_at = now() where id = $1 and state = 'running'

-- name: forget_keys
-- A day's keys go in batches: the table can't be partitioned by day, since a key is unique over all of them.
with gone as (
    delete from idempotency
    where bucket = any ($1::smallint[]) and (account, key, bucket) in (
        select account, key, bucket from idempotency
        where bucket = any ($1::smallint[]) and at < now() - interval '24 hours' limit $2)
    returning 1
)
select count(*) as forgotten from gone

-- name: forget_sessions
with old as (
    delete from web_session where digest in (select digest from web_session where expires_at <= now() limit $1)
    returning 1
), links as (
    delete from login_link where digest in (select digest from login_link where expires_at <= now() limit $1)
    returning 1
)
select (select count(*) from old) + (select count(*) from links) as forgotten

-- name: free
-- Under the trackings' row locks.
update due set ordering = 'unordered', blocked = false, next_at = now()
where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and blocked

-- name: has_migrations
select to_regclass('migration') is not null as present

-- name: hold
-- Are these leases still ours? Sorted by (bucket, tracking, endpoint): the same order of locks as intake.
-- A retry keeps the fencing number until it is claimed again: by its tries a result is known that was recorded by a
-- commit whose answer was lost. Two results of one delivery may come at once, the older of a lease that was lost.
select d.id, u.lease_no, d.ordering, d.cancelling, now() as now
from unnest($2::smallint[], $3::uuid[], $4::integer[], $5::integer[]) as u (bucket, id, lease_no, tries)
cross join lateral (
    select * from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.id = u.id and q.lease_no = u.lease_no
      and q.tries = u.tries
    for update) d

-- name: holds_suspects
select exists (select from due where deaths >= 2 and leased_by = $1) as suspects

-- name: horizon
-- No transaction that could still commit an older event is running: intake draws its transaction's id before the time
-- of its events' ids. A statement of its own, before `feed`: what has ended between the two, `feed` sees.
select least(now(), min(xact_start)) as at
from pg_stat_activity
where datname = current_database() and backend_xid is not null

-- name: hours
-- Latencies of several dispatchers are added bound by bound.
select n.endpoint, n.hour, n.delivered, n.failed, n.attempts, n.failed_attempts,
       array(select sum(one.count)::integer
             from delivery_hours h cross join lateral unnest(h.latency) with ordinality as one (count, place)
             where h.endpoint = n.endpoint and h.hour = n.hour and h.day = n.day
             group by one.place order by one.place) as latency
from (select endpoint, hour, day, sum(delivered)::integer as delivered, sum(failed)::integer as failed,
             sum(attempts)::integer as attempts, sum(failed_attempts)::integer as failed_attempts
      from delivery_hours
      where endpoint = any ($1::uuid[]) and hour >= $2 and hour < $3 and day between $4 and $5
      group by endpoint, hour, day) n
order by n.hour, n.endpoint

-- name: installation_value
select value from installation where name = $1;

-- name: join_dispatchers
-- The lock is taken before anybody sees the row: whoever finds it and gets the lock takes this dispatcher for dead.
with joined as (insert into dispatcher (child, witness, place) values ($2, $3, $4) returning number)
select number, pg_try_advisory_lock($1, number) from joined

-- name: known_attempts
-- Asked only for what came too late: after a commit whose outcome was not seen, its attempts may stand there already.
select delivery, number from attempt
where bucket = any ($1::smallint[]) and day = any ($2::date[]) and delivery = any ($3::uuid[])

-- name: known_dispatcher
select number from dispatcher where number = $1

-- name: known_keys
select i.account, i.key, i.request, i.answer
from idempotency i
join unnest($2::smallint[], $3::uuid[], $4::text[]) as k (bucket, account, key)
  on i.account = k.account and i.key = k.key and i.bucket = k.bucket
where i.bucket = any ($1::smallint[])

-- name: lane_endpoints
-- Each delivery is sent with what its endpoint is at the time of the attempt.
select e.id, e.account, a.email, e.url, e.version, e.enabled, e.deleted_at is not null as deleted, e.secret,
       e.previous_secret, e.previous_until, e.headers, e.rate_limit_per_second, e.updated_at
from endpoint e join account a on a.id = e.account
where e.id = any ($1::uuid[])

-- name: lane_queues
-- The queues of an endpoint that was turned off or deleted, a bounded number at a time. Tests go on.
select bucket, tracking, id from due
where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and sample is null limit 500

-- name: lanes_left_behind
-- Endpoints that are off or deleted and have something waiting: what was queued at the moment they were turned off.
select e.id from endpoint e
where not e.enabled and exists (select from due q where q.bucket = any ($1::smallint[]) and q.endpoint = e.id
                                and q.sequence > 0 and q.sample is null and q.cancelling is null)

-- name: lanes_of_trackings
-- One step of the index for each lane in which there is something, for what counts them.
with recursive lane (courier_code, archived, status) as (
    (select q.courier_code, q.archived, q.status from tracking q
     where q.account = $1
     order by q.courier_code, q.archived, q.status
     limit 1)
    union all
    select n.courier_code, n.archived, n.status
    from lane l
    cross join lateral (
        select q.courier_code, q.archived, q.status from tracking q
        where q.account = $1 and (q.courier_code, q.archived, q.status) > (l.courier_code, l.archived, l.status)
        order by q.courier_code, q.archived, q.status
        limit 1) n
)
select courier_code, archived, status from lane

-- name: last_key_use
-- When a key that may report updates was used last; null for never.
select max(u.last_used_at) as at
from api_key k join api_key_use u on u.api_key = k.id
where k.account = $1 and 'updates' = any (k.scopes)

-- name: lease_watches
-- The time until which the lease holds is its fence: nobody else's lease ends at the same microsecond.
with free as (
    select w.bucket, w.tracking from watch w
    where w.bucket = any ($1::smallint[]) and w.tracking = any ($2::uuid[]) and w.next_poll_at <= now()
      and (w.leased_until is null or w.leased_until <= now())
    for update skip locked
)
update watch w
set leased_until = now() + $3::interval
from free f, tracking t
where w.bucket = any ($1::smallint[]) and w.bucket = f.bucket and w.tracking = f.tracking
  and t.bucket = any ($1::smallint[]) and t.bucket = f.bucket and t.id = f.tracking
returning w.bucket, w.tracking, w.leased_until, w.unchanged, w.status_since, t.account, t.tracking_number,
          t.courier_code, t.status, t.state

-- name: leave_dispatchers
delete from dispatcher where number = $1

-- name: living_dispatchers
-- A dispatcher lives as long as its session holds the advisory lock of its number; $1 is the class of these locks.
select d.number, exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.classid = $1::bigint::oid and l.objid = d.number::bigint::oid and l.granted
      and l.database = (select oid from pg_database where datname = current_database())) as alive
from dispatcher d
order by d.number

-- name: lock_account
-- Creations of endpoints and keys of one account go one after the other, so that none is one too many.
select id from account where id = $1 for no key update

-- name: lock_endpoint
select id from endpoint where account = $1 and id = $2 and deleted_at is null for no key update

-- name: lock_tracking
-- The id as a range, in its order, for the reason that `find_trackings` gives.
select t.bucket, t.id, t.account, t.sequence, t.last_event, t.state
from tracking t
where t.bucket = any ($1::smallint[]) and t.account = $2 and t.id >= $3 and t.id <= $3
order by t.id
for no key update

-- name: lock_trackings
-- One writer a parcel; only then the clock is read and ids are made, so a parcel's ids rise with its sequence.
select t.bucket, t.id, t.account, t.sequence, t.status, t.last_event, t.state
from tracking t
join unnest($2::smallint[], $3::uuid[]) as u (bucket, id) on t.bucket = u.bucket and t.id = u.id
where t.bucket = any ($1::smallint[])
order by t.bucket, t.id
for no key update of t

-- name: move_expiries
update watch w
set expires_at = n.at
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) as n (bucket, tracking, at)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking

-- name: named_endpoints
select id, url, description, deleted_at is not null as deleted from endpoint
where account = $1
order by deleted_at is not null, id desc
limit $2

-- name: newer
-- Which heads of queues have a newer event of their parcel behind them; a recovered one behind them is older.
select u.id
from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::integer[])
     as u (bucket, id, tracking, endpoint, sequence)
where exists (select from due q
              where q.bucket = any ($1::smallint[]) and q.bucket = u.bucket and q.tracking = u.tracking
                and q.endpoint = u.endpoint and q.ordering <> 'unordered' and q.sequence > u.sequence)

-- name: newest_event
select e.id, now() as now from event e where e.bucket = any ($1::smallint[]) order by e.id desc limit 1

-- name: note_counted
update recovery set matched = matched + $2, counted_to = $3 where id = $1

-- name: note_health
insert into endpoint_health as h (endpoint, failing_since, last_error, last_success_at)
select endpoint, case when error is not null then now() end, error, case when error is null then now() end
from unnest($1::uuid[], $2::text[]) as n (endpoint, error)
on conflict (endpoint) do update
set failing_since = case when excluded.last_error is not null then coalesce(h.failing_since, now()) end,
    last_error = coalesce(excluded.last_error, h.last_error),
    last_success_at = coalesce(excluded.last_success_at, h.last_success_at)

-- name: note_key_use
insert into api_key_use as u (api_key, last_used_at) values ($1, now())
on conflict (api_key) do update set last_used_at = now() where u.last_used_at < now() - interval '1 minute'

-- name: note_queued
update recovery set queued = queued + $2, matched = greatest(matched, queued + $2), queued_to = $3 where id = $1

-- name: notify
select pg_notify($1, $2)

-- name: oldest_waiting
select id from due
where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and sample is null
order by id
limit 1

-- name: other_dispatchers
select number, child, witness, place, seen_at > now() - interval '5 seconds' as works,
       seen_at > now() - interval '10 seconds' as seen_lately,
       now() - pg_postmaster_start_time() > interval '10 seconds' as settled_server
from dispatcher where number <> $1

-- name: overdue_deliveries
-- By the primary key: ids rise with time. What is being attempted now is left for the next time.
select bucket, id, tracking, endpoint from due
where bucket = any ($1::smallint[]) and id < $2 and leased_until is null
order by id
limit $3

-- name: parcel_deliveries
-- Of these events, resends too. The days $4 to $5 are those of the ids: they choose the partitions.
select id, endpoint, event, tries, blocked, null::text as state, null::text as reason
from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering <> 'unordered' and event = any ($3::uuid[])
union all
select id, endpoint, event, tries, blocked, null, null
from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering = 'unordered' and sample is null
  and event = any ($3::uuid[])
union all
select id, endpoint, event, tries, false, state, reason
from settled
where bucket = any ($1::smallint[]) and tracking = $2 and event = any ($3::uuid[]) and id >= $6
  and day between $4 and $5

-- name: parcel_events
select id, sequence, status, substatus, previous_status, source, skipped
from event
where bucket = any ($1::smallint[]) and tracking = $2 and account = $3 and id < $4
order by id desc
limit $5

-- name: pass_courier_lanes
with recursive walk (place, until, passed) as (
    select 0, $5::uuid, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::uuid[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($7::text[], $2::boolean[], $3::text[]) lane (courier_code, archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
              and q.status = lane.status and q.id >= b.bound and q.id < w.until
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: pass_lanes
-- Where a page by number begins: slice by slice from $5 down over the bounds $6, until more than $4 were passed; gives
-- the ends of the last two slices. To count takes a third of what it takes to read and skip, and nothing is sorted.
with recursive walk (place, until, passed) as (
    select 0, $5::uuid, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::uuid[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($2::boolean[], $3::text[]) lane (archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.archived = lane.archived and q.status = lane.status
              and q.id >= b.bound and q.id < w.until
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: pass_updated_lanes
-- A bound of ids that is not asked for is null and thereby not in the plan: it would be compared with every entry that
-- is counted, which takes half as long again.
with recursive walk (place, until, passed) as (
    select 0, $5::timestamptz, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::timestamptz[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($7::text[], $2::boolean[], $3::text[]) lane (courier_code, archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
              and q.status = lane.status and q.updated_at >= b.bound and q.updated_at < w.until
              and ($8::uuid is null or q.id >= $8) and ($9::uuid is null or q.id < $9)
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: prove_life
select pg_try_advisory_lock($1, $2) as held

-- name: queues
-- What stands before a new delivery in its queue. The key-share lock on the tail conflicts with DELETE only: a settle
-- waits and its `unblock`, a later statement, sees the new row; or we wait and find the queue empty.
select k.bucket, k.tracking, k.endpoint, q.id, q.sequence
from (select distinct bucket, tracking, endpoint, ordering
      from unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::text[]) as n (bucket, tracking, endpoint, ordering)
      where ordering <> 'unordered'
      order by bucket, tracking, endpoint) k
cross join lateral (
    select q.id, q.sequence from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = k.bucket
      and q.tracking = k.tracking and q.endpoint = k.endpoint and q.ordering <> 'unordered'
    order by q.sequence desc
    limit case when k.ordering = 'ordered' then 1 end
    for key share) q

-- name: reconcile_events
-- A delivery's id holds its event's time: the same bounds find both. A resend or a recovery is one more of an event for
-- an endpoint, so endpoints are counted. `doubled`: it was settled and is still queued.
with made as (
    select r.event, count(distinct r.endpoint) as endpoints, count(*) - count(distinct r.id) as doubled
    from (select d.id, d.event, d.endpoint from due d
          where d.bucket = any ($1::smallint[]) and d.id >= $3 and d.id < $4 and d.sample is null
          union all
          select s.id, s.event, s.endpoint from settled s
          where s.bucket = any ($1::smallint[]) and s.day = any ($2::date[]) and s.id >= $3 and s.id < $4
            and s.sample is null) r
    group by r.event
)
select count(*) as events, coalesce(sum(greatest(e.deliveries - coalesce(m.endpoints, 0), 0)), 0) as missing,
       coalesce(sum(m.doubled), 0) as doubled
from event e left join made m on m.event = e.id
where e.bucket = any ($1::smallint[]) and e.day = any ($2::date[]) and e.id >= $3 and e.id < $4

-- name: reconcile_waiting
-- Of the next $3 that wait after $2. `headless`: in a queue that nothing moves. `forgotten`: under a lease that is long
-- over. `orphaned`: for an endpoint that is off or gone, although the keeper has had the time to cancel it.
with next as (
    select * from due where bucket = any ($1::smallint[]) and id > $2 order by id limit $3
)
select count(*) as waiting, (array_agg(s.id order by s.id desc))[1] as last,
       count(*) filter (where s.blocked and not exists (
           select from due h
           where h.bucket = any ($1::smallint[]) and h.bucket = s.bucket and h.tracking = s.tracking
             and h.endpoint = s.endpoint and h.ordering <> 'unordered' and not h.blocked)) as headless,
       count(*) filter (where s.leased_until < now() - interval '5 minutes') as forgotten,
       count(*) filter (where s.sample is null and uuid_extract_timestamp(s.id) < now() - interval '5 minutes'
           and not exists (select from endpoint e
                           where e.id = s.endpoint
                             and (e.enabled or e.updated_at > now() - interval '5 minutes'))) as orphaned
from next s

-- name: reconciled_times
-- What is younger is still being written, and finished by whoever works on it; what is older is about to be dropped.
select now() - $1::interval as since, now() - interval '1 minute' as until

-- name: recoveries
select r.*, s.delivered, s.failed
from (select * from recovery r
      where r.account = $2 and ($3::uuid is null or r.id = $3) and ($4::uuid is null or r.endpoint = $4)
        and ($5::uuid is null or r.id < $5)
      order by r.id desc
      limit $6) r
cross join lateral (
    select count(*) filter (where s.state = 'delivered') as delivered,
           count(*) filter (where s.state = 'failed') as failed
    from settled s where s.bucket = any ($1::smallint[]) and s.recovery = r.id) s
order by r.id desc

-- name: register_trackings
-- Sorted by the caller, so that two batches that register the same numbers wait for each other in one order. What is new
-- is watched; $9 are the courier codes that have a source to ask.
with made as (
    insert into tracking (bucket, id, account, tracking_number, courier_code, status, substatus, state, created_at,
                          updated_at, order_number)
    select bucket, id, account, tracking_number, courier_code, 'pending', 'pending001', state, at, at, order_number
    from unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bytea[], $7::timestamptz[],
                $8::text[]) as n (bucket, account, tracking_number, courier_code, id, state, at, order_number)
    on conflict (account, tracking_number, courier_code, bucket) do nothing
    returning bucket, id, courier_code
), watched as (
    insert into watch (bucket, tracking, courier_code, next_poll_at, expires_at)
    select bucket, id, courier_code, case when courier_code = any ($9::text[]) then now() end,
           now() + interval '30 days'
    from made
)
select id from made

-- name: rehash_password
update account_user set password_hash = $3 where id = $1 and password_hash = $2

-- name: release_watches
-- They were not asked: they stay due.
update watch w
set leased_until = null
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[]) as n (bucket, tracking, leased_until)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: remove_user
delete from account_user
where account = $1 and id = $2
  and exists (select from account_user where account = $1 and role = 'owner' and id <> $2)
returning email

-- name: renew_session
update web_session set expires_at = now() + $2::interval where digest = $1 and expires_at > now() returning data

-- name: replace_session
update web_session set data = $2, expires_at = now() + $3::interval
where digest = $1 and expires_at > now()
returning digest

-- name: reschedule_watches
-- Nothing happens to one that another has leased since. A wait that is null ends the asking.
update watch w
set leased_until = null, last_polled_at = now(), unchanged = n.unchanged,
    next_poll_at = now() + n.wait, status_since = case when n.changed then now() else w.status_since end
from unnest($2::smallint[], $3::uuid[], $4::timestamptz[], $5::smallint[], $6::interval[], $7::boolean[])
     as n (bucket, tracking, leased_until, unchanged, wait, changed)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking
  and w.leased_until = n.leased_until

-- name: rescue
-- The death counts against what had $2 deaths before, or more; null: against nothing.
update due
set leased_by = null, leased_until = null, deaths = deaths + case when deaths >= $2::integer then 1 else 0 end
where leased_by = $1

-- name: resend
-- Outside the order: what was asked for by hand waits for nothing. An endpoint that is off or deleted gets none.
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, resend_of)
select $1, $2, n.id, $5, $6, $7, 'unordered', $8
from endpoint n
where n.account = $3 and n.id = $4 and n.enabled and n.deleted_at is null
returning id

-- name: retry
-- At most 100 a call: the join is quadratic. `tried` is 0 for what is given back without an attempt. What was tried, or
-- crashed, has not ended the process: its deaths were not in a row.
update due d
set tries = d.tries + u.tried, crashes = d.crashes + u.crashed, next_at = u.next_at, leased_by = null,
    leased_until = null, deaths = case when u.tried + u.crashed = 0 then d.deaths else 0 end
from unnest($2::uuid[], $3::timestamptz[], $4::integer[], $5::integer[]) as u (id, next_at, tried, crashed)
where d.bucket = any ($1::smallint[]) and d.id = any ($2::uuid[]) and d.id = u.id

-- name: revoke_api_key
update api_key set revoked_at = now() where account = $1 and id = $2 and revoked_at is null returning id

-- name: rotate_secret
-- Of two rotations within one overlap the first secret is dropped: only one other than the present may sign.
update endpoint
set secret = $3, previous_secret = case when $4::interval > '0' then secret end,
    previous_until = case when $4::interval > '0' then now() + $4 end, updated_at = now()
where account = $1 and id = $2 and deleted_at is null
returning secret as current, previous_secret as previous, previous_until

-- name: running_recoveries
select id from recovery where state = 'running' order by id

-- name: scout
-- The lanes and when each is next due: one probe for each endpoint, not for each row.
with recursive lane (endpoint, next_at) as (
    (select endpoint, next_at from due
     where bucket = any ($1::smallint[]) and not blocked and sample is null and resend_of is null and deaths < 2
       and (leased_until is null or leased_until <= now())
     order by endpoint, next_at limit 1)
    union all
    select d.endpoint, d.next_at from lane l cross join lateral (
        select q.endpoint, q.next_at from due q
        where q.bucket = any ($1::smallint[]) and not q.blocked and q.sample is null and q.resend_of is null
          and q.deaths < 2 and (q.leased_until is null or q.leased_until <= now()) and q.endpoint > l.endpoint
        order by q.endpoint, q.next_at limit 1) d
)
select endpoint, extract(epoch from next_at - now())::float8 as due_in from lane

-- name: search_trackings
-- By the beginning of a number or of an order number: [$9, $10) holds what begins so. No more than $11 of each are
-- looked at, the first by number: what begins with one digit could be everything.
select found.id, found.sequence, found.state
from ((select id, sequence, state, archived, status, courier_code, updated_at from tracking
       where bucket = any ($1::smallint[]) and account = $2 and tracking_number >= $9 and tracking_number < $10
       order by tracking_number limit $11)
      union
      (select id, sequence, state, archived, status, courier_code, updated_at from tracking
       where bucket = any ($1::smallint[]) and account = $2 and order_number >= $12 and order_number < $13
       order by order_number limit $11)) found
where found.archived = any ($3::boolean[]) and found.status = any ($4::text[]) and found.id >= $5 and found.id < $6
  and ($14::text is null or found.courier_code = $14) and found.updated_at >= $15 and found.updated_at < $16
order by found.id desc
limit $7 offset $8

-- name: session
select data from web_session where digest = $1 and expires_at > now()

-- name: session_expiry
select extract(epoch from expires_at - now())::float8 as seconds from web_session
where digest = $1 and expires_at > now()

-- name: set_password
-- Whoever was let in before is out: by a session or by a link that is not used yet.
with changed as (
    update account_user set password_hash = $2, sessions_from = now() where lower(email) = lower($1) returning id
), gone as (
    delete from login_link using changed where account_user = changed.id
)
select id from changed

-- name: set_session
insert into web_session (digest, data, expires_at) values ($1, $2, now() + $3::interval)
on conflict (digest) do update set data = excluded.data, expires_at = excluded.expires_at

-- name: settle
-- Only what `hold` gave back, one call for each outcome. No join on due.
with gone as (
    delete from due where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) returning *
)
insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, sample, resend_of,
                     recovery, settled_at)
select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
       $3::text, $4::text, tries + $5::integer, sample, resend_of, recovery, now()
from gone

-- name: settled_deliveries
-- The days $8 to $9 are those of the ids: they choose the partitions.
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and (not $7::boolean or s.sample is null) and s.day between $8 and $9 and ($5::text is null or s.state = $5)
          order by s.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: settled_delivery
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at, d.sample,
       d.resend_of, d.recovery, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus, e.state as packed
from settled d
join endpoint n on n.id = d.endpoint and n.account = $2
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.id = $3 and d.day = $4

-- name: settled_of_trackings
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at, d.sample,
       d.resend_of, d.recovery, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from settled d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.endpoint = any ($2::uuid[]) and d.id >= $3 and d.id < $4
  and (not $7::boolean or d.sample is null) and d.day between $8 and $9 and d.tracking = any ($10::uuid[])
  and ($5::text is null or d.state = $5)
order by d.id desc
limit $6

-- name: skipped_of_endpoint
-- Of the account's newest events those that made no delivery for an endpoint, and why. $3 is its id as hex.
select e.id, e.tracking, e.tracking_number, e.courier_code, e.status, e.skipped ->> $3 as reason
from (select id, tracking, tracking_number, courier_code, status, skipped
      from event
      where bucket = any ($1::smallint[]) and account = $2
      order by id desc limit $5) e
where e.skipped ? $3
order by e.id desc
limit $4

-- name: stop_recovery
update recovery set state = 'stopped', finished_at = now()
where account = $1 and id = $2 and state = 'running'
returning id

-- name: stuck
-- Reconciliation: queues without a head. Empty in every snapshot.
select bucket, tracking, endpoint, count(*) from due where ordering <> 'unordered'
group by bucket, tracking, endpoint having bool_and(blocked)

-- name: supersede
-- $2 are older events in queues of an endpoint that wants the latest only; what was queued under another ordering keeps
-- that. What is in flight stays: its attempt settles it.
with gone as (
    delete from due
    where bucket = any ($1::smallint[]) and id = any ($2::uuid[]) and ordering = 'latest' and leased_until is null
    returning *
), kept as (
    insert into settled (bucket, day, id, endpoint, tracking, event, sequence, state, reason, tries, recovery,
                         settled_at)
    select bucket, (uuid_extract_timestamp(id) at time zone 'utc')::date, id, endpoint, tracking, event, sequence,
           'superseded', $3::text, tries, recovery, now()
    from gone
)
select id from gone

-- name: suspects
-- What was in hand at death after death and is due, or is in hand of dispatcher $2. In calm the index is empty.
select id, endpoint, deaths, coalesce(leased_until > now(), false) as in_hand from due
where bucket = any ($1::smallint[]) and deaths >= 2 and next_at <= now()
  and (leased_until is null or leased_until <= now() or leased_by = $2)
order by next_at, id
limit 1000

-- name: switch_endpoint
-- A reason turns it off, no reason on. One that is so already keeps its reason and its time.
update endpoint
set enabled = $3::text is null, disabled_reason = $3, off_since = case when $3::text is not null then now() end,
    updated_at = now()
where account = $1 and id = $2 and deleted_at is null and enabled is distinct from ($3::text is null)

-- name: take_calls
-- What another process took in this second counts; a second that is over does not.
insert into call_window as w (account, call, at, taken)
values ($1, $2, date_trunc('second', now()), least($3::integer, $4::integer))
on conflict (account, call) do update
set taken = case when w.at = excluded.at then least(w.taken + $3, $4) else excluded.taken end, at = excluded.at
returning new.taken - case when old.at = new.at then old.taken else 0 end as granted,
          extract(epoch from new.at + interval '1 second' - now())::float8 as seconds_left

-- name: take_duty
select pg_try_advisory_lock($1, $2) as taken

-- name: take_keys
-- A key whose first request is still being written elsewhere is not waited for: its advisory lock can't be had, and
-- nothing is inserted. One that is older than a day counts as never used.
insert into idempotency (bucket, account, key, request)
select bucket, account, key, request
from unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[]) as n (bucket, account, key, request)
where pg_try_advisory_xact_lock(hashtextextended(account::text || key, 5))
on conflict (account, key, bucket) do update
    set request = excluded.request, answer = null, at = now()
    where idempotency.at < now() - interval '24 hours'
returning account, key

-- name: take_login_link
delete from login_link l using account_user u
where l.digest = $1 and l.expires_at > now() and u.id = l.account_user
returning u.id, u.password_hash, extract(epoch from u.sessions_from)::float8 as sessions_from

-- name: take_recovery
-- Whoever holds the row works on it; the others leave it alone.
select r.*, e.enabled, e.statuses, e.trigger, e.ordering
from recovery r join endpoint e on e.id = r.endpoint
where r.id = $1 and r.state = 'running'
for no key update of r skip locked

-- name: tally
-- Into this dispatcher's own rows of this hour. Latencies come as the texts of arrays: an array of arrays has no rows.
insert into delivery_hours as h
    (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts, latency)
select endpoint, (now() at time zone 'utc')::date, date_trunc('hour', now(), 'utc'), $1, delivered, failed, attempts,
       failed_attempts, latency::integer[]
from unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::text[])
     as u (endpoint, delivered, failed, attempts, failed_attempts, latency)
on conflict (endpoint, hour, dispatcher, day) do update
set delivered = h.delivered + excluded.delivered, failed = h.failed + excluded.failed,
    attempts = h.attempts + excluded.attempts, failed_attempts = h.failed_attempts + excluded.failed_attempts,
    latency = array(select a + b from unnest(h.latency, excluded.latency) as both_ (a, b))

-- name: test_deliveries
-- Tests have an index of their own, like those that were not delivered. They have no event.
select d.*, null::uuid as blocked_by, null::text as tracking_number, null::text as courier_code, null::text as status,
       null::text as substatus
from (select d.*
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select s.bucket, s.id, s.endpoint, s.tracking, s.event, s.sequence, s.tries, s.state, s.reason, s.settled_at,
                 s.sample, s.resend_of, s.recovery, false as blocked, null::timestamptz as next_at
          from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and s.day between $7 and $8 and s.sample is not null and ($5::text is null or s.state = $5)
          order by s.id desc limit $6) d
      union all
      select q.bucket, q.id, q.endpoint, q.tracking, q.event, q.sequence, q.tries, null, null, null, q.sample,
             q.resend_of, q.recovery, q.blocked, q.next_at
      from due q
      where q.bucket = any ($1::smallint[]) and q.endpoint = any ($2::uuid[]) and q.id >= $3 and q.id < $4
        and q.sequence > 0 and q.sample is not null and ($5::text is null or $5 = 'waiting')
      order by id desc limit $6) d

-- name: track_page
select t.state, a.name as shop, a.accent, a.embed_origins
from tracking t join account a on a.id = t.account
where t.bucket = any ($1::smallint[]) and t.id = $2

-- name: trackings_by_courier_lane
select t.id, t.sequence, t.state
from (select one.id
      from unnest($2::boolean[]) a (archived)
      cross join unnest($3::text[]) s (status)
      cross join unnest($8::text[]) c (courier_code)
      cross join lateral (
          select q.id from tracking q
          where q.account = $1 and q.courier_code = c.courier_code and q.archived = a.archived and q.status = s.status
            and q.id >= $4 and q.id < $5
          order by q.courier_code desc, q.archived desc, q.status desc, q.id desc
          limit $6::bigint + $7::bigint) one
      order by one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by t.id desc

-- name: trackings_by_lane
-- A lane is one (archived, status): each is read newest first and no further than the page, however rare what is
-- wanted may be. One index condition for all of them would read and sort whatever matches. What is skipped is read from
-- the index alone; the states only of those that are shown, one by one (`offset 0`), whatever the planner believes about
-- the size of the table. The lanes hold no bucket: it is read from the id. For any of all buckets the planner would look
-- each id up by skipping through the index of a lane.
select t.id, t.sequence, t.state
from (select one.id
      from unnest($2::boolean[]) a (archived)
      cross join unnest($3::text[]) s (status)
      cross join lateral (
          select q.id from tracking q
          where q.account = $1 and q.archived = a.archived and q.status = s.status and q.id >= $4 and q.id < $5
          order by q.archived desc, q.status desc, q.id desc
          limit $6::bigint + $7::bigint) one
      order by one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by t.id desc

-- name: trackings_by_updated_lane
-- Who asks by the time of the change gets the last changed first. These lanes are of one courier each; those in which
-- there is something are found here, so that no parcel is missed that goes to an empty one at this moment.
with recursive lane (courier_code, archived, status) as (
    (select q.courier_code, q.archived, q.status from tracking q
     where q.account = $1
     order by q.courier_code, q.archived, q.status
     limit 1)
    union all
    select n.courier_code, n.archived, n.status
    from lane l
    cross join lateral (
        select q.courier_code, q.archived, q.status from tracking q
        where q.account = $1 and (q.courier_code, q.archived, q.status) > (l.courier_code, l.archived, l.status)
        order by q.courier_code, q.archived, q.status
        limit 1) n
)
select t.id, t.sequence, t.state
from (select one.id, one.updated_at
      from lane
      cross join lateral (
          select q.id, q.updated_at from tracking q
          where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
            and q.status = lane.status and q.updated_at >= $9 and q.updated_at < $10 and q.id >= $4 and q.id < $5
          order by q.courier_code desc, q.archived desc, q.status desc, q.updated_at desc, q.id desc
          limit $6::bigint + $7::bigint) one
      where lane.archived = any ($2::boolean[]) and lane.status = any ($3::text[])
        and ($8::text is null or lane.courier_code = $8)
      order by one.updated_at desc, one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by page.updated_at desc, t.id desc

-- name: trackings_of_numbers
-- Number by number (`offset 0`): asked for all at once, the order would lure the planner to read everything by id.
select t.id, t.sequence, t.state
from unnest($9::text[]) n (tracking_number)
cross join lateral (
    select q.id, q.sequence, q.state from tracking q
    where q.bucket = any ($1::smallint[]) and q.account = $2 and q.tracking_number = n.tracking_number
      and q.archived = any ($3::boolean[]) and q.status = any ($4::text[]) and q.id >= $5 and q.id < $6
      and ($10::text is null or q.courier_code = $10) and q.updated_at >= $11 and q.updated_at < $12
    offset 0) t
order by t.id desc
limit $7 offset $8

-- name: trackings_with_number
-- Also those that were deleted: their history stays.
select id from tracking where bucket = any ($1::smallint[]) and account = $2 and tracking_number = $3
union all
select id from deleted_tracking where bucket = any ($1::smallint[]) and account = $2 and tracking_number = $3

-- name: unblock
-- Its own statement, for a new snapshot, in the settle's transaction: in one statement with the delete a successor
-- that was inserted meanwhile would stay blocked for ever. Repeated while `vanished` is above 0.
with first as (
    select f.id
    from (select distinct bucket, tracking, endpoint
          from unnest($2::smallint[], $3::uuid[], $4::uuid[]) as n (bucket, tracking, endpoint)) k
    cross join lateral (
        select q.id from due q
        where q.bucket = any ($1::smallint[]) and q.bucket = k.bucket and q.tracking = k.tracking
          and q.endpoint = k.endpoint and q.ordering <> 'unordered' and q.blocked
        order by q.sequence limit 1) f
    left join lateral (
        select q.id from due q
        where q.bucket = any ($1::smallint[]) and q.bucket = k.bucket and q.tracking = k.tracking
          and q.endpoint = k.endpoint and q.ordering <> 'unordered' and not q.blocked
        order by q.sequence limit 1) head on true
    where head.id is null
), freed as (
    update due d set blocked = false, next_at = now()
    where d.bucket = any ($1::smallint[]) and d.id = any (array(select id from first))
    returning d.endpoint
)
select (select count(*) from first) - (select count(*) from freed) as vanished,
       array(select distinct endpoint from freed) as endpoints

-- name: undelivered_deliveries
-- Those that ended otherwise than delivered have an index of their own: they are few among many.
select d.*, false as blocked, null::timestamptz as next_at, null::uuid as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.state, d.reason, d.settled_at,
             d.sample, d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from settled s
          where s.bucket = any ($1::smallint[]) and s.endpoint = n.endpoint and s.id >= $3 and s.id < $4
            and (not $7::boolean or s.sample is null) and s.day between $8 and $9
            and s.state <> 'delivered' and s.state = $5
          order by s.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: unsettled_deliveries
-- $5: null for any, else one of waiting, retrying, blocked.
select d.*, null::text as state, null::text as reason, null::timestamptz as settled_at, h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
             d.resend_of, d.recovery
      from unnest($2::uuid[]) as n (endpoint)
      cross join lateral (
          select * from due q
          where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and q.sequence > 0
            and q.id >= $3 and q.id < $4
            and (not $7::boolean or q.sample is null)
            and ($5::text is null or $5 = case when q.blocked then 'blocked' when q.tries > 0 then 'retrying'
                                               else 'waiting' end)
          order by q.id desc limit $6) d
      order by d.id desc limit $6) d
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
order by d.id desc

-- name: unsettled_delivery
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
       d.resend_of, d.recovery, null::text as state, null::text as reason, null::timestamptz as settled_at,
       h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus, e.state as packed
from due d
join endpoint n on n.id = d.endpoint and n.account = $2
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.id = $3

-- name: unsettled_of_recovery
select count(*) as waiting from due where bucket = any ($1::smallint[]) and recovery = $2

-- name: unsettled_of_trackings
-- Two indexes, one for those that stand in queues and one for the others.
select d.bucket, d.id, d.endpoint, d.tracking, d.event, d.sequence, d.tries, d.blocked, d.next_at, d.sample,
       d.resend_of, d.recovery, null::text as state, null::text as reason, null::timestamptz as settled_at,
       h.id as blocked_by,
       e.tracking_number, e.courier_code, e.status, e.substatus
from (select * from due where tracking = any ($8::uuid[]) and ordering <> 'unordered'
      union all
      select * from due where tracking = any ($8::uuid[]) and ordering = 'unordered' and sample is null) d
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.bucket = d.bucket and q.tracking = d.tracking
      and q.endpoint = d.endpoint and d.blocked and not q.blocked and q.ordering <> 'unordered') h on true
left join lateral (
    select * from event e
    where e.bucket = any ($1::smallint[]) and e.bucket = d.bucket and e.id = d.event
      and e.day = (uuid_extract_timestamp(d.event) at time zone 'utc')::date
    offset 0) e on true
where d.bucket = any ($1::smallint[]) and d.endpoint = any ($2::uuid[]) and d.id >= $3 and d.id < $4
  and (not $7::boolean or d.sample is null)
  and ($5::text is null or $5 = case when d.blocked then 'blocked' when d.tries > 0 then 'retrying' else 'waiting' end)
order by d.id desc
limit $6

-- name: user_by_email
select id, password_hash, extract(epoch from sessions_from)::float8 as sessions_from
from account_user where lower(email) = lower($1)

-- name: users
select id, email, role, created_at from account_user where account = $1 order by id limit $2

-- name: visitor
select u.id, u.email, u.role, extract(epoch from u.sessions_from)::float8 as sessions_from, a.id as account,
       a.name as account_name, a.email as account_email
from account_user u join account a on a.id = u.account
where u.id = $1

-- name: waiting_of_endpoint
-- Counted to an end, so that a backlog costs no more than its first thousands.
select count(*) as waiting
from (select from due where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0 and sample is null
      limit $3) d

-- name: watch_again
update watch w
set courier_code = n.courier_code, next_poll_at = case when n.polled then now() end, leased_until = null,
    unchanged = 0, status_since = now(), expires_at = now() + interval '30 days'
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::boolean[]) as n (bucket, tracking, courier_code, polled)
where w.bucket = any ($1::smallint[]) and w.bucket = n.bucket and w.tracking = n.tracking

-- name: window_of_events
-- Where a window of $4 events that begins at $2 ends; null when fewer are left below $3.
select e.id as ends from event e
where e.bucket = any ($1::smallint[]) and e.id >= $2 and e.id < $3
order by e.id
offset $4 limit 1

-- name: yield_life
select pg_advisory_unlock($1, $2)
