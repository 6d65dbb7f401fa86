-- Letters, read.

-- name: undelivered_letters
-- The newest of an account that are not sent, or were given up, since the id $3; with $2 of one user only.
select id, purpose, address, state, tries, next_at, settled_at, answer
from letter
where account = $1 and ($2::uuid is null or account_user = $2) and id > $3
  and (state = 'failed' or (state = 'waiting' and tries > 0))
order by id desc
limit 20
