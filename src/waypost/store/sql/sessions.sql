-- Sessions of browsers, by the digest of what the browser holds. Expired ones are never found.

-- name: session
select data from web_session where digest = $1 and expires_at > now()

-- name: renew_session
update web_session set expires_at = now() + $2::interval where digest = $1 and expires_at > now() returning data

-- name: set_session
insert into web_session (digest, data, expires_at) values ($1, $2, now() + $3::interval)
on conflict (digest) do update set data = excluded.data, expires_at = excluded.expires_at

-- name: replace_session
update web_session set data = $2, expires_at = now() + $3::interval
where digest = $1 and expires_at > now()
returning digest

-- name: delete_session
delete from web_session where digest = $1

-- name: session_expiry
select extract(epoch from expires_at - now())::float8 as seconds from web_session
where digest = $1 and expires_at > now()

-- name: forget_sessions
with old as (
    delete from web_session where digest in (select digest from web_session where expires_at <= now() limit $1)
    returning 1
), links as (
    delete from login_link where digest in (select digest from login_link where expires_at <= now() limit $1)
    returning 1
)
select (select count(*) from old) + (select count(*) from links) as forgotten
