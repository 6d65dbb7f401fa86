-- The audit log of an account, appended to.

-- name: audit_tail
-- Under the account's row lock: entries of one account are appended one after the other.
select n.number, n.digest, now() as at
from (values (1)) one (n)
left join lateral (
    select number, digest from audit_entry where account = $1 order by number desc limit 1) n on true

-- name: insert_entry
insert into audit_entry (account, number, at, actor, address, action, subject, changes, digest)
values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)

-- name: accounts_after
-- All accounts, some at a time, by id.
select id from account where id > $1 order by id limit $2

-- name: allow_audit_deletion
-- For the rest of the transaction: the table's trigger refuses it otherwise.
select set_config('waypost.audit_retention', 'on', true)

-- name: delete_old_entries
-- The oldest $3 entries of an account from before $2, never the newest one: the next entry is chained to it. The newest
-- deleted one is kept as the beginning of the chain.
with oldest as materialized (
    select number, digest, at from audit_entry where account = $1 order by number limit $3
), old as materialized (
    select number, digest from oldest
    where at < $2 and number < (select max(number) from audit_entry where account = $1)
), gone as (
    delete from audit_entry a using old o where a.account = $1 and a.number = o.number returning 1
), kept as (
    insert into audit_pruned (account, number, digest)
    select $1, number, digest from old order by number desc limit 1
    on conflict (account) do update set number = excluded.number, digest = excluded.digest
)
select count(*) from gone
