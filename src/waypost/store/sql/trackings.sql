-- Trackings as the API lists them.

-- name: trackings_of_numbers
select state
from tracking
where bucket = any ($1::smallint[]) and account = $2 and tracking_number = any ($3::text[])
  and ($4::text is null or courier_code = $4)
order by id desc
limit $5 offset $6

-- name: newest_trackings
-- The skipped rows are read from the index alone; the states only of those that are shown.
select t.state
from (select bucket, id from tracking
      where bucket = any ($1::smallint[]) and account = $2
      order by id desc limit $3 offset $4) page
join tracking t on t.bucket = page.bucket and t.id = page.id
order by t.id desc
