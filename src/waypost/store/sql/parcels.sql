-- One parcel's events, and where each was delivered.

-- name: parcel_events
select id, sequence, status, substatus, previous_status, source, skipped
from event
where bucket = any ($1::smallint[]) and tracking = $2 and account = $3 and id < $4
order by id desc
limit $5

-- name: parcel_deliveries
-- Deliveries of these events, including resends. The days $4 to $5 are those of the ids: they choose the partitions.
select id, endpoint, event, tries, blocked, null::text as state, null::text as reason
from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering <> 'unordered' and event = any ($3::uuid[])
union all
select id, endpoint, event, tries, blocked, null, null
from due
where bucket = any ($1::smallint[]) and tracking = $2 and ordering = 'unordered' and sample is null
  and event = any ($3::uuid[])
union all
select id, endpoint, event, tries, false, state, reason
from settled
where bucket = any ($1::smallint[]) and tracking = $2 and event = any ($3::uuid[]) and id >= $6
  and day between $4 and $5
