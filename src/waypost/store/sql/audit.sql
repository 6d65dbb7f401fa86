-- The audit log of an account, read.

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

-- name: audited_accounts
select id, email from account where $1::uuid is null or id = $1 order by id

-- name: some_audited_accounts
-- Chosen again each time, so that in the course of time every account has its turn.
select id, email from account order by md5(id::text || (now() at time zone 'utc')::date::text) limit $1

-- name: audit_pruned
select number, digest from audit_pruned where account = $1
