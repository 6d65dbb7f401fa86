-- Facts about persons, erased from a parcel and its events.

-- name: states_of_events
-- The events of a locked parcel, some at a time; $4 is the id to continue after.
select id, day, state from event
where bucket = any ($1::smallint[]) and tracking = $2 and account = $3 and id > $4
order by id
limit $5

-- name: replace_states
update event e
set state = n.state
from unnest($2::uuid[], $3::date[], $4::bytea[]) as n (id, day, state)
where e.bucket = any ($1::smallint[]) and e.id = n.id and e.day = n.day

-- name: replace_state
update tracking set state = $3, customer_name = null where bucket = any ($1::smallint[]) and id = $2
