-- Letters, written. An `owner` is an account; a request for a new password is its own, until its account is known.

-- name: insert_letter
insert into letter (id, account, account_user, purpose, address, sealed, expires_at)
values ($1, $2, $3, $4, $5, $6, now() + $7::interval)

-- name: claim_letters
-- In one claim at most one letter of each owner, and none of the owners $3, which have enough in hand.
with due as materialized (
    select distinct on (l.owner) l.id
    from (select id, owner from letter
          where state = 'waiting' and next_at <= now() and (leased_until is null or leased_until <= now())
            and owner <> all ($3::uuid[])
          order by next_at limit 1000) l
    order by l.owner, l.id
)
update letter l
set leased_until = (select now()) + $2::interval
from (select id from due limit $1) d
where l.id = d.id and l.state = 'waiting' and (l.leased_until is null or l.leased_until <= (select now()))
returning l.id, l.account, l.owner, l.purpose, l.address, l.sealed, l.tries, l.expires_at <= (select now()) as is_late

-- name: update_letter_written
-- A request for a new password becomes the letter with the link.
update letter set account = $2, account_user = $3, address = $4, sealed = $5
where id = $1 and account is null and state = 'waiting'
returning id

-- name: update_letter_settled
update letter set state = $2, tries = tries + 1, sealed = null, leased_until = null, settled_at = now(), answer = $3
where id = $1 and state = 'waiting'

-- name: update_letter_retried
update letter set tries = tries + 1, leased_until = null, next_at = now() + $2::interval, answer = $3
where id = $1 and state = 'waiting'

-- name: delete_letter
delete from letter where id = $1

-- name: delete_old_letters
-- By id, which holds the time.
delete from letter
where id = any (array(select o.id from letter o where o.id < $1 and o.state <> 'waiting' order by o.id limit 1000))
returning id
