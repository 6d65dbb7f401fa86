-- A person asks whether a failing endpoint answers again.

-- name: next_to_send
-- What a lane sends next, unless it is in flight.
select id, bucket, tracking, tries from due
where bucket = any ($1::smallint[]) and endpoint = $2 and not blocked and sample is null and resend_of is null
  and deaths < 2 and leased_until is null
order by next_at
limit 1

-- name: send_now
-- Under the tracking's row lock. Its schedule stays: the next wait is as long as it would have been.
update due set next_at = least(next_at, (select now()))
where bucket = any ($1::smallint[]) and id = $2 and not blocked and leased_until is null
returning id

-- name: first_of_lane
select next_at from due
where bucket = any ($1::smallint[]) and endpoint = $2 and not blocked and sample is null
order by next_at
limit 1

-- name: send_first
-- Under the tracking's row lock. Before all others of its lane, of which the first is due at $3: a probe sends only one.
update due set next_at = least(next_at, (select now()), $3::timestamptz - interval '1 millisecond')
where bucket = any ($1::smallint[]) and id = $2 and not blocked and leased_until is null
returning id
