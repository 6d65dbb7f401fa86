-- What waits for endpoints, for pages and calls. Tests don't wait for anything, so they are not counted.

-- name: backlogs
-- Counted up to a limit, the oldest first, so that a backlog costs no more than its first thousands. Those with an id
-- below $4 have waited for long. `next_at`: when the next one is due, whatever the endpoint's breaker says.
select n.endpoint, c.waiting, c.overdue, o.id as oldest, h.next_at
from unnest($2::uuid[]) as n (endpoint)
cross join lateral (
    select count(*) as waiting, count(*) filter (where d.id < $4) as overdue
    from (select q.id from due q
          where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and q.sequence > 0 and q.sample is null
          order by q.id limit $3) d) c
left join lateral (
    select q.id from due q
    where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and q.sequence > 0 and q.sample is null
    order by q.id limit 1) o on true
left join lateral (
    select q.next_at from due q
    where q.bucket = any ($1::smallint[]) and q.endpoint = n.endpoint and not q.blocked and q.sample is null
    order by q.next_at limit 1) h on true
