-- The dispatchers. A dispatcher proves that it lives by an advisory lock of its session. Two installations in schemas
-- of one database have separate locks: the lock class is derived from the schema's name. A lock is never taken or
-- checked in one statement with a table: a server that routes statements to the node of their table would look for the
-- lock there.

-- name: prove_life
select pg_try_advisory_lock(hashtext(current_schema() || '.dispatcher'), $1) as held

-- name: yield_life
select pg_advisory_unlock(hashtext(current_schema() || '.dispatcher'), $1)

-- name: lives
-- The numbers whose locks are held.
select objid::bigint as number from pg_locks
where locktype = 'advisory' and granted and objsubid = 2
  and classid = (hashtext(current_schema() || '.dispatcher')::bigint & 4294967295)::oid
  and database = (select oid from pg_database where datname = current_database())

-- name: dispatcher_numbers
select number from dispatcher order by number

-- name: add_dispatcher
-- No row if the number is taken.
insert into dispatcher (number, child, witness, place) values ($1, $2, $3, $4)
on conflict do nothing
returning number

-- name: return_dispatcher
-- It has a new session: from now on it waits before it takes others for dead, as after a start.
update dispatcher set joined_at = now(), seen_at = now() where number = $1 returning number

-- name: disown
-- A number that its process could not take back: whoever removes it must not count that as a crash.
update dispatcher set witness = null where number = $1

-- name: beat
-- A paused dispatcher keeps its lock; this shows that it is not working.
update dispatcher set seen_at = now() where number = $1 returning joined_at

-- name: retire_dispatcher
-- As one that was seen long ago: it works no more, and its lock shows that it lives.
update dispatcher set seen_at = now() - interval '1 minute' where number = $1

-- name: other_dispatchers
select number, child, witness, place, seen_at > now() - interval '5 seconds' as works,
       seen_at > now() - interval '10 seconds' as seen_lately
from dispatcher where number <> $1

-- name: is_settled
-- Whether everybody alive has had ten seconds to prove it since the server was started, and since $1, when the asking
-- session began: a standby that was promoted has been running for long, but has no sessions.
select now() - greatest(pg_postmaster_start_time(), $1::timestamptz) > interval '10 seconds' as settled

-- name: holds_suspects
select exists (select from due where deaths >= 2 and leased_by = $1) as suspects

-- name: rescue
-- The crash counts against what had $2 crashes before, or more; null: against nothing.
update due
set leased_by = null, leased_until = null, deaths = deaths + case when deaths >= $2::integer then 1 else 0 end
where leased_by = $1

-- name: free_unbegun
-- The crash of no process: `deaths` do not count. The lease number stays, so a claim whose answer was lost is fenced by
-- the next one.
update due set leased_by = null, leased_until = null where leased_by = $1 and id <> all ($2::uuid[])

-- name: hand_over
update due set leased_by = $2 where leased_by = $1

-- name: leave_dispatchers
delete from dispatcher where number = $1
