-- The statistics of endpoints by the hour. The days choose the partitions.

-- name: hours
-- Latencies of several dispatchers are added bound by bound.
select n.endpoint, n.hour, n.delivered, n.failed, n.attempts, n.failed_attempts, n.flawed_answers, n.timed_out,
       n.timed_out_ms,
       array(select sum(one.count)::text
             from delivery_hours h cross join lateral unnest(h.latency) with ordinality as one (count, place)
             where h.endpoint = n.endpoint and h.hour = n.hour and h.day = n.day
             group by one.place order by one.place) as latency,
       array(select sum(one.count)::text
             from delivery_hours h cross join lateral unnest(h.arrival) with ordinality as one (count, place)
             where h.endpoint = n.endpoint and h.hour = n.hour and h.day = n.day
             group by one.place order by one.place) as arrival
from (select endpoint, hour, day, sum(delivered)::integer as delivered, sum(failed)::integer as failed,
             sum(attempts)::integer as attempts, sum(failed_attempts)::integer as failed_attempts,
             sum(flawed_answers)::integer as flawed_answers, sum(timed_out)::integer as timed_out,
             sum(timed_out_ms)::bigint as timed_out_ms
      from delivery_hours
      where endpoint = any ($1::uuid[]) and hour >= $2 and hour < $3 and day between $4 and $5
      group by endpoint, hour, day) n
order by n.hour, n.endpoint

-- name: days
select day, sum(attempts)::integer as attempts, sum(failed_attempts)::integer as failed_attempts
from delivery_hours
where endpoint = $1 and day between $2::date and $3::date
  and hour >= $2::date::timestamp at time zone 'utc' and hour < ($3::date + 1)::timestamp at time zone 'utc'
group by day
