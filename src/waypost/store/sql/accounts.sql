-- Accounts, their users and keys: small tables, looked up by their unique columns.

-- name: find_key
-- By the digest, which is unique. Revoked and expired keys are never found; the database's clock decides, so that all
-- processes agree.
select k.id as key, k.account, a.email, k.scopes
from api_key k
join account a on a.id = k.account
where k.digest = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());

-- name: add_account
insert into account (id, email, name) values ($1, $2, $3);

-- name: add_user
insert into account_user (id, account, email, password_hash, role) values ($1, $2, $3, $4, $5);

-- name: add_key
insert into api_key (id, account, name, prefix, digest, scopes, made_by) values ($1, $2, $3, $4, $5, $6, $7);

-- name: any_account
select exists (select from account) as found

-- name: account_by_email
select id from account where lower(email) = lower($1)

-- name: user_by_email
select id, password_hash, extract(epoch from sessions_from)::float8 as sessions_from
from account_user where lower(email) = lower($1)

-- name: visitor
select u.id, u.email, u.role, extract(epoch from u.sessions_from)::float8 as sessions_from, a.id as account,
       a.name as account_name, a.email as account_email
from account_user u join account a on a.id = u.account
where u.id = $1

-- name: set_password
-- Everybody who was let in before is logged out: sessions, and links that are not used yet.
with changed as (
    update account_user set password_hash = $2, sessions_from = now() where lower(email) = lower($1) returning id
), gone as (
    delete from login_link using changed where account_user = changed.id
)
select id from changed

-- name: rehash_password
update account_user set password_hash = $3 where id = $1 and password_hash = $2

-- name: add_login_link
with found as materialized (select id from account_user where lower(email) = lower($1))
insert into login_link (digest, account_user, expires_at)
select $2, id, now() + $3::interval from found
returning account_user

-- name: take_login_link
delete from login_link l using account_user u
where l.digest = $1 and l.expires_at > now() and u.id = l.account_user
returning u.id, u.password_hash, extract(epoch from u.sessions_from)::float8 as sessions_from
