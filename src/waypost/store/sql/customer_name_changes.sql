-- The names of parcels that were registered before their rows had one.

-- name: trackings_to_name
select id, state, customer_name, xmin::text as version from tracking where id > $1 order by id limit $2

-- name: name_trackings
-- A row that was written since it was read is left alone: whoever wrote it knew its name.
update tracking t
set customer_name = n.customer_name
from unnest($2::smallint[], $3::uuid[], $4::text[], $5::text[]) as n (bucket, id, version, customer_name)
where t.bucket = any ($1::smallint[]) and t.bucket = n.bucket and t.id = n.id and t.xmin::text = n.version
