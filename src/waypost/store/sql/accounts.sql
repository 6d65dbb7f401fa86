-- Accounts, their users and keys: small tables, looked up by their unique columns.

-- name: any_account
select exists (select from account) as found

-- name: all_accounts
-- In pages, for the operator: the ids of accounts are in the order in which they were made.
select a.id, a.email, a.name, a.created_at,
       (select count(*) from account_user u where u.account = a.id)::int as users,
       (select count(*) from api_key k where k.account = a.id and k.revoked_at is null)::int as keys
from account a
where $1::uuid is null or a.id > $1
order by a.id
limit $2;

-- name: all_users
select u.id, u.email, u.role, u.created_at, a.email as account_email
from account_user u
join account a on a.id = u.account
where $1::uuid is null or u.id > $1
order by u.id
limit $2;

-- name: account_by_email
select id from account where lower(email) = lower($1)

-- name: user_by_email
select id, password_hash, extract(epoch from sessions_from)::float8 as sessions_from
from account_user where lower(email) = lower($1)

-- name: visitor
select u.id, u.email, u.role, extract(epoch from u.sessions_from)::float8 as sessions_from, a.id as account,
       a.name as account_name, a.email as account_email, coalesce(u.time_zone, a.time_zone) as time_zone,
       u.time_zone as own_time_zone
from account_user u join account a on a.id = u.account
where u.id = $1

-- name: account_contents
-- $1 is the account. One number for each kind of row that people know. Parcels are counted along an index.
select (select count(*) from account_user where account = $1) as users,
       (select count(*) from api_key where account = $1 and revoked_at is null) as api_keys,
       (select count(*) from endpoint where account = $1 and deleted_at is null) as endpoints,
       (select count(*) from connection where account = $1) as connections,
       (select count(*) from alert_channel where owner = $1) as alert_channels,
       (select count(*) from tracking where bucket = any ($2::smallint[]) and account = $1) as parcels
