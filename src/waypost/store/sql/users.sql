-- An account as its owners manage it: its name, and who may log in to it.

-- name: account_settings
select email, name, accent, embed_origins from account where id = $1

-- name: change_account
update account set email = $2, name = $3, accent = $4, embed_origins = $5 where id = $1

-- name: users
select id, email, role, created_at from account_user where account = $1 order by id limit $2

-- name: add_user_to_account
with known as materialized (select count(*) as users from account_user where account = $2)
insert into account_user (id, account, email, password_hash, role)
select $1, $2, $3, $4, $5 from known where users < $6
returning id

-- name: change_role
-- Under the account's row lock. The last owner stays one: somebody must be able to let others in.
update account_user set role = $3
where account = $1 and id = $2
  and ($3 = 'owner' or exists (select from account_user where account = $1 and role = 'owner' and id <> $2))
returning email

-- name: remove_user
delete from account_user
where account = $1 and id = $2
  and exists (select from account_user where account = $1 and role = 'owner' and id <> $2)
returning email
