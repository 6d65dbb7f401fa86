-- Accounts, their users and keys: small tables, asked by their unique columns.

-- name: find_key
-- By the digest, which is unique. Revoked and expired keys are found by nobody, by the database's clock, so that all
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
insert into api_key (id, account, name, prefix, digest, scopes) values ($1, $2, $3, $4, $5, $6);

-- name: any_account
select exists (select from account) as found
