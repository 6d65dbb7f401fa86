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
