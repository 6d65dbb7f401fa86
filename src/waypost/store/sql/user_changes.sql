-- Users and login links, written.

-- name: update_password
-- Everybody who was let in before is logged out: sessions, and links that are not used yet.
with changed as (
    update account_user set password_hash = $3, sessions_from = now()
    where account = $1 and lower(email) = lower($2)
    returning id
), gone as (
    delete from login_link using changed where account_user = changed.id
)
select id from changed

-- name: update_password_hash
update account_user set password_hash = $3 where id = $1 and password_hash = $2

-- name: insert_login_link
with found as materialized (select id from account_user where account = $1 and lower(email) = lower($2))
insert into login_link (digest, account_user, expires_at)
select $3, id, now() + $4::interval from found
returning account_user

-- name: delete_login_link
delete from login_link l using account_user u
where l.digest = $1 and l.expires_at > now() and u.id = l.account_user
returning u.id, u.password_hash, extract(epoch from u.sessions_from)::float8 as sessions_from

-- name: insert_user
with known as materialized (select count(*) as users from account_user where account = $2)
insert into account_user (id, account, email, password_hash, role)
select $1, $2, $3, $4, $5 from known where users < $6
returning id

-- name: update_role
-- Under the account's row lock. The last owner stays one: somebody must be able to let others in.
update account_user set role = $3
where account = $1 and id = $2
  and ($3 = 'owner' or exists (select from account_user where account = $1 and role = 'owner' and id <> $2))
returning email

-- name: delete_user
delete from account_user
where account = $1 and id = $2
  and exists (select from account_user where account = $1 and role = 'owner' and id <> $2)
returning email

-- name: update_time_zone_of_user
update account_user set time_zone = $3 where account = $1 and id = $2
