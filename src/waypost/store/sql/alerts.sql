-- Alert channels and alerts, read. An `owner` is an account, or all zeros for the operator.

-- name: alert_channels
select c.id, c.account, c.service, c.name, c.target, c.kinds, c.quiet_from, c.quiet_until, c.enabled,
       c.created_at, c.updated_at
from alert_channel c
where c.owner = $1 and ($2::uuid is null or c.id = $2)
order by c.id

-- name: alerts
-- The newest of each of the owner's channels.
select a.id, a.channel, a.what, a.content, a.state, a.tries, a.next_at, a.created_at, a.settled_at, a.answer
from alert_channel c
cross join lateral (select * from alert n where n.channel = c.id order by n.id desc limit $2) a
where c.owner = $1
order by a.id desc
limit $2

-- name: find_alert
select a.id, a.channel, a.what, a.content, a.state, a.tries, a.next_at, a.created_at, a.settled_at, a.answer
from alert a
where a.id = $1

-- name: is_user_of
select exists (select from account_user where account = $1 and lower(email) = lower($2)) as is_user

-- name: time_zone
select time_zone from account where id = $1
