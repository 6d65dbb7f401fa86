-- Bulk actions, written: counted, started and stopped by people, advanced by the keeper.

-- name: delete_bulk_counts
-- A count that was not followed by its action makes room for the next one.
delete from bulk_action where account = $1 and state in ('counting', 'counted')

-- name: insert_bulk_action
insert into bulk_action (id, account, kind, wanted, query, walked_to) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing
returning id

-- name: lock_bulk_action
-- Whoever holds the row works on it; the others leave it alone.
select id, account, kind, wanted, query, state, matched, changed, left_out, walked_to, created_at, finished_at
from bulk_action
where id = $1 and state = $2
for no key update skip locked

-- name: note_bulk_counted
update bulk_action set matched = matched + $2, walked_to = $3, state = $4 where id = $1

-- name: note_bulk_changed
update bulk_action set changed = changed + $2, left_out = left_out + $3, walked_to = $4 where id = $1

-- name: start_bulk_action
-- Not while another one of the account runs.
with running as materialized (select 1 from bulk_action where account = $1 and state = 'running')
update bulk_action set state = 'running', walked_to = $3
where account = $1 and id = $2 and state = 'counted' and not exists (select from running)
returning id

-- name: end_bulk_action
update bulk_action set state = $3, finished_at = (select now())
where account = $1 and id = $2 and state = 'running'
returning id

-- name: delete_old_bulk_actions
delete from bulk_action
where id in (select id from bulk_action where created_at < (select now()) - $1::interval order by id limit 500)
returning id
