-- Pushes that wait to be read, and the results of the others.

-- name: inbound_address
select t.connection, c.account, c.source, c.enabled, c.credentials, c.settings, t.expires_at
from inbound_token t join connection c on c.id = t.connection
where t.digest = $1 and c.account is not null and (t.expires_at is null or t.expires_at > now())

-- name: inbound_tokens
-- The current ones.
select connection, token from inbound_token where connection = any ($1::uuid[]) and expires_at is null

-- name: replaced_inbound_tokens
select connection, max(expires_at) as expires_at from inbound_token
where connection = any ($1::uuid[]) and expires_at > now()
group by connection

-- name: accounts_with_pushes
-- One look-up in the index for each account. $1 is the account to continue after.
with recursive waiting as (
    (select i.account from inbound i where i.unreadable is null and i.account > $1 order by i.account limit 1)
    union all
    select n.account from waiting w cross join lateral (
        select i.account from inbound i
        where i.unreadable is null and i.account > w.account
        order by i.account limit 1) n
)
select account from waiting limit $2

-- name: crowded_accounts
-- Those with more waiting than they may have, counted no further than that.
with recursive waiting as (
    (select i.account from inbound i where i.unreadable is null order by i.account limit 1)
    union all
    select n.account from waiting w cross join lateral (
        select i.account from inbound i
        where i.unreadable is null and i.account > w.account
        order by i.account limit 1) n
)
select w.account
from waiting w cross join lateral (
    select count(*) as pushes, sum(c.size) as bytes
    from (select i.size from inbound i where i.unreadable is null and i.account = w.account limit $1) c) s
where s.pushes >= $1 or s.bytes >= $2

-- name: waiting_pushes
-- The oldest of an account, without their bodies.
select id, size from inbound where unreadable is null and account = $1 order by id limit $2

-- name: find_pushes
select id, account, connection, source, push from inbound where id = any ($1::uuid[]) and unreadable is null order by id

-- name: settings_of_connections
select id, settings from connection where id = any ($1::uuid[])

-- name: numbers_of_account
select t.id, t.tracking_number, t.courier_code, t.archived
from unnest($2::smallint[], $4::text[]) as n (bucket, tracking_number)
cross join lateral (
    select q.id, q.tracking_number, q.courier_code, q.archived from tracking q
    where q.bucket = any ($1::smallint[]) and q.bucket = n.bucket and q.account = $3
      and q.tracking_number >= n.tracking_number and q.tracking_number <= n.tracking_number
    order by q.tracking_number) t

-- name: known_pushes
-- Which of these were read within a week. A sender that repeats one later sends what is known.
select distinct c.connection, c.digest
from unnest($1::uuid[], $2::bytea[]) as n (connection, digest)
join inbound_call c on c.connection = n.connection and c.digest = n.digest
where c.day >= (now() at time zone 'utc')::date - 7

-- name: count_unreadable_pushes
select count(*) as pushes
from (select from inbound where connection = $1 and unreadable is not null limit $2) s

-- name: latest_calls
select id, became, detail from inbound_call where connection = $1 order by id desc limit $2
