-- An account and everything that belongs to it, deleted: first what lets anybody act for it, then its rows, some at a
-- time, then the account. $1 is the account unless a comment says otherwise.

-- name: delete_key_uses
delete from api_key_use where api_key = any (array(select id from api_key where account = $1))

-- name: delete_keys
delete from api_key where account = $1

-- name: delete_users
delete from account_user where account = $1

-- name: delete_channels
delete from alert_channel where owner = $1

-- name: close_connections
-- They stay until their calls are deleted. Without tokens and disabled, they neither receive nor poll.
with closed as (
    update connection set enabled = false, updated_at = now() where account = $1 returning id
)
delete from inbound_token where connection = any (array(select id from closed))

-- name: unshare_connections
update connection set shared_with = array_remove(shared_with, $1) where $1 = any (shared_with)

-- name: close_endpoints
update endpoint
set enabled = false, disabled_reason = coalesce(disabled_reason, 'user'), deleted_at = now(), updated_at = now()
where account = $1 and deleted_at is null

-- name: all_endpoint_ids
-- The deleted ones too.
select id from endpoint where account = $1

-- name: connection_ids
select id from connection where account = $1

-- name: some_trackings
-- $1: the buckets; $2: the account.
select bucket, id from tracking where bucket = any ($1::smallint[]) and account = $2 order by account, archived, status, id
limit $3

-- name: delete_due_of_trackings
-- Under the trackings' row locks, with what is in flight: the attempt's result then finds nothing to settle.
delete from due where bucket = any ($1::smallint[]) and tracking = any ($2::uuid[])

-- name: delete_shared_registrations
-- Those at connections of the installation; the account's own go with the connection.
delete from registration
where connection = any (array(select id from connection where account is null)) and tracking = any ($1::uuid[])

-- name: delete_watches
delete from watch where bucket = any ($1::smallint[]) and tracking = any ($2::uuid[])

-- name: delete_trackings
delete from tracking where bucket = any ($1::smallint[]) and id = any ($2::uuid[])

-- name: delete_some_events
with chosen as materialized (
    select id, day, bucket from event where bucket = any ($2::smallint[]) and account = $1 order by id limit $3
), gone as (
    delete from event e using chosen s where e.id = s.id and e.day = s.day and e.bucket = s.bucket returning 1
)
select count(*) from gone

-- name: delete_some_settled
-- $1: the endpoint. With its attempts.
with chosen as materialized (
    select id, day, bucket from settled where bucket = any ($2::smallint[]) and endpoint = $1 order by id limit $3
), attempts as (
    delete from attempt a using chosen s where a.delivery = s.id and a.bucket = s.bucket
), gone as (
    delete from settled d using chosen s
    where d.endpoint = $1 and d.id = s.id and d.day = s.day and d.bucket = s.bucket returning 1
)
select count(*) from gone

-- name: delete_due_of_endpoint
-- $2: the endpoint, of which no parcel is left. The last condition is its index's.
delete from due where bucket = any ($1::smallint[]) and endpoint = $2 and sequence > 0

-- name: delete_endpoint_hours
delete from delivery_hours where endpoint = any ($1::uuid[])

-- name: delete_endpoint_health
delete from endpoint_health where endpoint = any ($1::uuid[])

-- name: delete_some_calls
-- $1: the connection.
with chosen as materialized (
    select id, day from inbound_call where connection = $1 order by id limit $2
), gone as (
    delete from inbound_call c using chosen s where c.id = s.id and c.day = s.day returning 1
)
select count(*) from gone

-- name: delete_some_pushes
with chosen as materialized (
    select id from inbound where account = $1 limit $2
), gone as (
    delete from inbound i using chosen s where i.id = s.id returning 1
)
select count(*) from gone

-- name: delete_some_keys_of_calls
with chosen as materialized (
    select key, bucket from idempotency where account = $1 limit $2
), gone as (
    delete from idempotency i using chosen s where i.account = $1 and i.key = s.key and i.bucket = s.bucket returning 1
)
select count(*) from gone

-- name: delete_some_deleted_trackings
with chosen as materialized (
    select id, day, bucket from deleted_tracking where account = $1 limit $2
), gone as (
    delete from deleted_tracking d using chosen s where d.id = s.id and d.day = s.day and d.bucket = s.bucket returning 1
)
select count(*) from gone

-- name: delete_audit_log
delete from audit_entry where account = $1

-- name: delete_recoveries
delete from recovery where account = $1

-- name: delete_endpoints
delete from endpoint where account = $1

-- name: delete_call_windows
delete from call_window where account = $1

-- name: delete_account_usage
delete from account_usage where account = $1

-- name: delete_account_quota
delete from account_quota where account = $1

-- name: delete_account
-- With what refers to it: incidents, connections, channels, unread scans.
delete from account where id = $1
