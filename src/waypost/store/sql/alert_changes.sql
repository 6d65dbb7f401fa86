-- Alert channels and alerts, written. An `owner` is an account, or all zeros for the operator.

-- name: insert_alerts
-- An alert for each channel that wants this kind; that an incident is over, only where its beginning was announced.
with wanting as materialized (
    select c.id from alert_channel c
    where c.owner = $1 and c.enabled and (c.kinds is null or $2 = any (c.kinds))
      and ($4 <> 'closed' or exists (select from alert a where a.incident = $3 and a.channel = c.id
                                     and a.what = 'opened' and a.state <> 'skipped'))
)
insert into alert (id, channel, incident, what, content)
select uuidv7(), id, $3, $4, $5::jsonb from wanting

-- name: insert_test_alert
-- Of a channel of this owner only.
with tested as materialized (select c.id from alert_channel c where c.owner = $1 and c.id = $2)
insert into alert (id, channel, what, content)
select $3, id, 'test', $4::jsonb from tested
returning id

-- name: claim_channels
-- One sender at a time works on a channel, and in one claim on at most one channel of each owner. The owners $3 have
-- enough in hand.
with due as materialized (
    select distinct on (c.owner) c.id
    from (select a.channel from alert a where a.state = 'waiting' and a.next_at <= now() order by a.next_at limit 1000) a
    join alert_channel c on c.id = a.channel
    where (c.leased_until is null or c.leased_until <= now()) and c.owner <> all ($3::uuid[])
    order by c.owner, c.id
)
update alert_channel c
set leased_until = (select now()) + $2::interval
from (select d.id from due d limit $1) d
where c.id = d.id and (c.leased_until is null or c.leased_until <= (select now()))
returning c.id, c.account, c.owner, c.service, c.target, c.quiet_from, c.quiet_until, c.window_at, c.window_sent,
          c.enabled

-- name: waiting_alerts
select id, what, content, tries from alert
where channel = $1 and state = 'waiting' and next_at <= now()
order by id
limit 100

-- name: update_alerts_settled
update alert set state = $2, tries = tries + $3, settled_at = now(), answer = $4
where id = any ($1::uuid[]) and state = 'waiting'

-- name: update_alerts_retried
update alert set tries = tries + 1, next_at = now() + $2::interval, answer = $3
where id = any ($1::uuid[]) and state = 'waiting'

-- name: update_alerts_held
update alert set next_at = $2 where channel = $1 and state = 'waiting' and next_at <= now() and what <> 'test'

-- name: release_channel
-- A minute begins with the first message after the last one.
update alert_channel
set leased_until = null,
    window_at = case when $2 = 0 or window_at > $3::timestamptz - interval '1 minute' then window_at else $3 end,
    window_sent = case when $2 = 0 then window_sent
                       when window_at > $3::timestamptz - interval '1 minute' then window_sent + $2 else $2 end
where id = $1

-- name: insert_channel
-- Nothing is inserted, and nothing returned, if the account has $9 channels already.
with known as materialized (select count(*) as channels from alert_channel where owner = $2)
insert into alert_channel (id, account, service, name, target, kinds, quiet_from, quiet_until)
select $1, $2, $3, $4, $5, $6, $7, $8 from known where channels < $9
returning id

-- name: keep_operator_channel
insert into alert_channel (id, account, service, name, target) values ($1, null, $2, $3, $4)
on conflict (id) do update set service = excluded.service, name = excluded.name, target = excluded.target, enabled = true

-- name: disable_operator_channels
update alert_channel set enabled = false where account is null and id <> all ($1::uuid[])

-- name: update_channel
update alert_channel set name = $3, kinds = $4, quiet_from = $5, quiet_until = $6, enabled = $7, updated_at = now()
where owner = $1 and id = $2
returning id

-- name: update_time_zone
update account set time_zone = $2 where id = $1

-- name: delete_channel
delete from alert_channel where account = $1 and id = $2 returning id

-- name: delete_old_alerts
-- By id, which holds the time: the history of alerts has no index by time.
delete from alert
where id = any (array(select o.id from alert o where o.id < $1 and o.state <> 'waiting' order by o.id limit 1000))
returning id
