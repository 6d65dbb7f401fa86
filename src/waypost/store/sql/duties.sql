-- The keeper's duties. One keeper at a time does each, under an advisory lock of this schema's own (see
-- dispatchers.sql); a row records when it was last done, so that several keepers do no more than one.

-- name: take_duty
select pg_try_advisory_lock(hashtext(current_schema() || '.duty'), $1) as taken

-- name: end_duty
select pg_advisory_unlock(hashtext(current_schema() || '.duty'), $1)

-- name: is_duty_due
select not exists (select from duty where number = $1 and done_at > now() - $2::interval) as due

-- name: note_duty
insert into duty (number, done_at) values ($1, now())
on conflict (number) do update set done_at = excluded.done_at
