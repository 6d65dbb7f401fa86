-- Pushes: stored before they are answered, and gone in the transaction that carries out what they say.

-- name: insert_inbound_token
insert into inbound_token (digest, connection, token) values ($1, $2, $3)

-- name: expire_inbound_tokens
-- The current token expires at the time given; one that was replaced before expires no later than it would have.
update inbound_token t
set expires_at = least(t.expires_at, n.until)
from (select (select now()) + $2::interval as until) n
where t.connection = $1

-- name: delete_inbound_tokens
delete from inbound_token where expires_at <= now()

-- name: insert_pushes
insert into inbound (id, account, connection, source, size, push)
select id, account, connection, source, size, push
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::bytea[])
     as n (id, account, connection, source, size, push)

-- name: delete_pushes
-- Gone with what it says. Another reader may have been quicker: what it did is then done again, which changes nothing.
delete from inbound where id = any ($1::uuid[])

-- name: insert_calls
-- One that is read again has been noted before.
insert into inbound_call (day, id, account, connection, became, digest, detail)
select (uuid_extract_timestamp(id) at time zone 'utc')::date, id, account, connection, became, digest, detail
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::text[])
     as n (id, account, connection, became, digest, detail)
on conflict (id, day) do update
set became = excluded.became, digest = excluded.digest, detail = excluded.detail

-- name: mark_unreadable
update inbound i
set unreadable = n.reason
from unnest($1::uuid[], $2::text[]) as n (id, reason)
where i.id = n.id

-- name: mark_waiting
update inbound set unreadable = null where connection = $1 and unreadable is not null returning id

-- name: delete_unreadable
delete from inbound where id in (select id from inbound where unreadable is not null and id < $1 limit $2) returning id

-- name: update_push_health
-- The state changes with the results of the latest calls; the time of the last push is written at most every ten seconds.
update connection_health h
set state = n.state, message = n.message, sample = n.sample,
    state_since = case when h.state <> n.state then n.at else h.state_since end,
    last_answer_at = case when n.state <> 'refused' then n.at else h.last_answer_at end
from (select connection, state, message, sample, (select now()) as at
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as s (connection, state, message, sample)) n
where h.connection = n.connection and h.state <> 'paused'
  and (h.state <> n.state or h.message is distinct from n.message or h.last_answer_at is null
       or h.last_answer_at < n.at - interval '10 seconds')
