-- Recoveries, read: events of a period that an endpoint gets again, or for the first time.

-- name: recoveries
select r.*, s.delivered, s.failed
from (select * from recovery r
      where r.account = $2 and ($3::uuid is null or r.id = $3) and ($4::uuid is null or r.endpoint = $4)
        and ($5::uuid is null or r.id < $5)
      order by r.id desc
      limit $6) r
cross join lateral (
    select count(*) filter (where s.state = 'delivered') as delivered,
           count(*) filter (where s.state = 'failed') as failed
    from settled s where s.bucket = any ($1::smallint[]) and s.recovery = r.id) s
order by r.id desc

-- name: running_recoveries
select id from recovery where state = 'running' order by id

-- name: unsettled_of_recovery
select count(*) as waiting from due where bucket = any ($1::smallint[]) and recovery = $2
