-- The settings of an account and its users, read.

-- name: account_settings
select email, name, accent, embed_origins from account where id = $1

-- name: users
select id, email, role, created_at from account_user where account = $1 order by id limit $2
