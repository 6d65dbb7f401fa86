-- The keys of an account, read.

-- name: api_keys
select k.id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, u.last_used_at, k.made_by
from api_key k left join api_key_use u on u.api_key = k.id
where k.account = $1 and ($2::uuid is null or k.id = $2)
order by k.revoked_at is not null, k.id desc
limit $3
