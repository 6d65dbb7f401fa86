-- What shoppers see of a parcel: found by the id in its link, for anybody.

-- name: track_page
select t.state, a.name as shop, a.accent, a.embed_origins
from tracking t join account a on a.id = t.account
where t.bucket = any ($1::smallint[]) and t.id = $2
