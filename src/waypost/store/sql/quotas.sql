-- The quota and the measured usage of an account, read.

-- name: quota_and_usage
-- Updates of an earlier day do not count.
select q.parcels, q.updates_per_day, q.disk_bytes, coalesce(u.parcels, 0) as used_parcels,
       coalesce(u.disk_bytes, 0) as used_disk_bytes,
       case when u.day = (now() at time zone 'utc')::date then u.updates else 0 end as used_updates
from (select $1::uuid as account) a
left join account_quota q on q.account = a.account
left join account_usage u on u.account = a.account
