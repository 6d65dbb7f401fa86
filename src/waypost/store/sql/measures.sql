-- The measures behind the metrics, read at every scrape.

-- name: count_due
-- Stops counting at $2: a scrape must not walk a backlog of millions.
select count(*) as count
from (select 1 from due
      where bucket = any ($1::smallint[]) and not blocked and next_at <= now()
        and (leased_until is null or leased_until <= now())
      limit $2) d;
