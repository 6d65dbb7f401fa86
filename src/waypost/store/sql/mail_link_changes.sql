-- Links in mail, written.

-- name: lock_user_of_links
-- A statement of its own: what counts a user's links must see those that others have committed meanwhile.
select id from account_user where id = $1 for no key update

-- name: insert_mail_link
-- Nothing is inserted, and nothing returned, while $5 links of the user wait.
with known as materialized (
    select count(*) as links from mail_link where account_user = $2 and expires_at > now()
)
insert into mail_link (digest, account_user, email, expires_at)
select $1, $2, $3, now() + $4::interval from known where links < $5
returning digest

-- name: delete_mail_link
-- It works once: of two who use it at the same time, one gets nothing.
delete from mail_link where digest = $1 and expires_at > now() returning account_user

-- name: delete_mail_links_of
delete from mail_link where account_user = $1

-- name: update_address
update account_user set email = $2 where id = $1 returning account

-- name: update_maker
update api_key set made_by = $3 where account = $1 and made_by = $2

-- name: delete_old_mail_links
with old as materialized (select digest from mail_link where expires_at <= now() limit 1000)
delete from mail_link where digest in (select digest from old) returning digest
