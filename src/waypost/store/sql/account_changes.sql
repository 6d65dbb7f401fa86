-- Accounts, written: few rows, under the account's row lock.

-- name: insert_account
insert into account (id, email, name) values ($1, $2, $3);

-- name: insert_owner
insert into account_user (id, account, email, password_hash, role) values ($1, $2, $3, $4, $5);

-- name: insert_first_key
insert into api_key (id, account, name, prefix, digest, scopes, made_by) values ($1, $2, $3, $4, $5, $6, $7);

-- name: update_account
update account set email = $2, name = $3, accent = $4, embed_origins = $5 where id = $1

-- name: lock_account
-- Creations of endpoints and keys of one account are serialised, so that none exceeds the limit.
select id from account where id = $1 for no key update
