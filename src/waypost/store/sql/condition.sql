-- What `waypost doctor` reads. None of it writes.

-- name: newest_event
select e.id, now() as now from event e where e.bucket = any ($1::smallint[]) order by e.id desc limit 1
