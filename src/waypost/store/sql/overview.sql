-- The counts of an account's overview.

-- name: count_by_status
-- Each status by its own lane of the index, and no further than $3: a million parcels cost what ten thousand do. The
-- order keeps the planner on the index: for a rare status it would otherwise read the whole table. Oldest first: old
-- parcels change least, so what the index says of them need not be looked up in the table.
select s.status, n.count
from unnest($2::text[]) s (status)
cross join lateral (
    select count(*) as count
    from (select from tracking q
          where q.account = $1 and not q.archived and q.status = s.status
          order by q.id
          limit $3) one) n

-- name: last_key_use
-- When a key that may report updates was last used; null for never.
select max(u.last_used_at) as at
from api_key k join api_key_use u on u.api_key = k.id
where k.account = $1 and 'updates' = any (k.scopes)

-- name: last_reported
-- The newest event that an update through the API made, searched among the newest $2 only: an account that is fed by
-- carriers alone has none.
select e.id
from (select id, source from event where account = $1 order by id desc limit $2) e
where e.source = 'api'
order by e.id desc limit 1
