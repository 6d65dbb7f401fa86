-- Links in mail, read.

-- name: find_mail_link
-- Without `email` it lets its user choose a password, with it it confirms a new address.
select u.id as account_user, u.account, u.email as user_email, l.email as new_email
from mail_link l join account_user u on u.id = l.account_user
where l.digest = $1 and l.expires_at > now()

-- name: user_of_address
select u.id, u.account, u.email, a.name as shop
from account_user u join account a on a.id = u.account
where lower(u.email) = lower($1)
