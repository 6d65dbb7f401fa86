-- Trackings as the API, the pages and files list them.

-- name: find_tracking
select t.id, t.sequence, t.state, w.last_polled_at, w.next_poll_at
from tracking t
left join watch w on w.bucket = any ($1::smallint[]) and w.bucket = t.bucket and w.tracking = t.id
where t.bucket = any ($1::smallint[]) and t.id = $3 and t.account = $2

-- name: trackings_of_numbers
-- Number by number (`offset 0`): for all at once, the order would lead the planner to read everything by id.
select t.id, t.sequence, t.state
from unnest($9::text[]) n (tracking_number)
cross join lateral (
    select q.id, q.sequence, q.state from tracking q
    where q.bucket = any ($1::smallint[]) and q.account = $2 and q.tracking_number = n.tracking_number
      and q.archived = any ($3::boolean[]) and q.status = any ($4::text[]) and q.id >= $5 and q.id < $6
      and ($10::text is null or q.courier_code = $10) and q.updated_at >= $11 and q.updated_at < $12
    offset 0) t
order by t.id desc
limit $7 offset $8

-- name: trackings_by_lane
-- A lane is one (archived, status): each is read newest first and no further than the page, however rare the wanted
-- parcels may be. One index condition for all of them would read and sort all that matches. Skipped rows are read from
-- the index alone; states only for those that are shown, one by one (`offset 0`), whatever the planner believes about
-- the size of the table. The lanes hold no bucket: it is read from the id. For any of all buckets the planner would
-- look each id up by skipping through the index of a lane.
select t.id, t.sequence, t.state
from (select one.id
      from unnest($2::boolean[]) a (archived)
      cross join unnest($3::text[]) s (status)
      cross join lateral (
          select q.id from tracking q
          where q.account = $1 and q.archived = a.archived and q.status = s.status and q.id >= $4 and q.id < $5
          order by q.archived desc, q.status desc, q.id desc
          limit $6::bigint + $7::bigint) one
      order by one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by t.id desc

-- name: trackings_by_courier_lane
select t.id, t.sequence, t.state
from (select one.id
      from unnest($2::boolean[]) a (archived)
      cross join unnest($3::text[]) s (status)
      cross join unnest($8::text[]) c (courier_code)
      cross join lateral (
          select q.id from tracking q
          where q.account = $1 and q.courier_code = c.courier_code and q.archived = a.archived and q.status = s.status
            and q.id >= $4 and q.id < $5
          order by q.courier_code desc, q.archived desc, q.status desc, q.id desc
          limit $6::bigint + $7::bigint) one
      order by one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by t.id desc

-- name: trackings_by_updated_lane
-- Filters by the time of change list the last changed first. These lanes are of one courier each; the non-empty ones
-- are found here, so that a parcel that moves to an empty lane at this moment is not missed.
with recursive lane (courier_code, archived, status) as (
    (select q.courier_code, q.archived, q.status from tracking q
     where q.account = $1
     order by q.courier_code, q.archived, q.status
     limit 1)
    union all
    select n.courier_code, n.archived, n.status
    from lane l
    cross join lateral (
        select q.courier_code, q.archived, q.status from tracking q
        where q.account = $1 and (q.courier_code, q.archived, q.status) > (l.courier_code, l.archived, l.status)
        order by q.courier_code, q.archived, q.status
        limit 1) n
)
select t.id, t.sequence, t.state
from (select one.id, one.updated_at
      from lane
      cross join lateral (
          select q.id, q.updated_at from tracking q
          where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
            and q.status = lane.status and q.updated_at >= $9 and q.updated_at < $10 and q.id >= $4 and q.id < $5
          order by q.courier_code desc, q.archived desc, q.status desc, q.updated_at desc, q.id desc
          limit $6::bigint + $7::bigint) one
      where lane.archived = any ($2::boolean[]) and lane.status = any ($3::text[])
        and ($8::text is null or lane.courier_code = $8)
      order by one.updated_at desc, one.id desc
      limit $6 offset $7) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by page.updated_at desc, t.id desc

-- name: couriers_of_account
-- One step of the index for each courier, in the order of their codes, at most $2.
with recursive step (courier_code, place) as (
    (select q.courier_code, 1 from tracking q where q.account = $1 order by q.courier_code limit 1)
    union all
    select n.courier_code, s.place + 1
    from step s
    cross join lateral (
        select q.courier_code from tracking q
        where q.account = $1 and q.courier_code > s.courier_code
        order by q.courier_code limit 1) n
    where s.place < $2
)
select courier_code from step

-- name: lanes_of_trackings
-- One step of the index for each non-empty lane, for the counting statements.
with recursive lane (courier_code, archived, status) as (
    (select q.courier_code, q.archived, q.status from tracking q
     where q.account = $1
     order by q.courier_code, q.archived, q.status
     limit 1)
    union all
    select n.courier_code, n.archived, n.status
    from lane l
    cross join lateral (
        select q.courier_code, q.archived, q.status from tracking q
        where q.account = $1 and (q.courier_code, q.archived, q.status) > (l.courier_code, l.archived, l.status)
        order by q.courier_code, q.archived, q.status
        limit 1) n
)
select courier_code, archived, status from lane

-- name: pass_lanes
-- Where a page by number begins: slice by slice from $5 down over the bounds $6, until more than $4 were passed;
-- returns the ends of the last two slices. Counting takes a third of the time of reading and skipping, and nothing is
-- sorted.
with recursive walk (place, until, passed) as (
    select 0, $5::uuid, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::uuid[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($2::boolean[], $3::text[]) lane (archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.archived = lane.archived and q.status = lane.status
              and q.id >= b.bound and q.id < w.until
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: pass_courier_lanes
with recursive walk (place, until, passed) as (
    select 0, $5::uuid, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::uuid[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($7::text[], $2::boolean[], $3::text[]) lane (courier_code, archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
              and q.status = lane.status and q.id >= b.bound and q.id < w.until
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: pass_updated_lanes
-- A bound of ids that is not used is null and thereby not in the plan: otherwise it would be compared with every
-- counted entry, which takes half as long again.
with recursive walk (place, until, passed) as (
    select 0, $5::timestamptz, 0::bigint
    union all
    select w.place + 1, b.bound, w.passed + n.count
    from walk w
    cross join lateral (select ($6::timestamptz[])[w.place + 1] as bound) b
    cross join lateral (
        select coalesce(sum(one.count), 0)::bigint as count
        from unnest($7::text[], $2::boolean[], $3::text[]) lane (courier_code, archived, status)
        cross join lateral (
            select count(*) from tracking q
            where q.account = $1 and q.courier_code = lane.courier_code and q.archived = lane.archived
              and q.status = lane.status and q.updated_at >= b.bound and q.updated_at < w.until
              and ($8::uuid is null or q.id >= $8) and ($9::uuid is null or q.id < $9)
            offset 0) one) n
    where w.passed <= $4 and w.place < cardinality($6)
)
select until, passed from walk order by place desc limit 2

-- name: search_trackings
-- By the prefix of a number, [$9, $10), its end, which is the prefix [$17, $18) of the reversed number, the prefix of an
-- order number, [$12, $13) or [$19, $20), or the prefix [$21, $22) of a customer's name or of its last word. At most $11
-- of each are looked at, in the order of their index: a prefix of one digit could match everything.
select t.id, t.sequence, t.state
from (select found.id
      from ((select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2 and tracking_number >= $9 and tracking_number < $10
             order by tracking_number limit $11)
            union
            (select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2
               and reverse(tracking_number) >= $17 and reverse(tracking_number) < $18
             order by reverse(tracking_number) limit $11)
            union
            (select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2 and order_number >= $12 and order_number < $13
             order by order_number limit $11)
            union
            (select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2 and order_number >= $19 and order_number < $20
             order by order_number limit $11)
            union
            (select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2 and customer_name >= $21 and customer_name < $22
             order by customer_name limit $11)
            union
            (select id, archived, status, courier_code, updated_at from tracking
             where bucket = any ($1::smallint[]) and account = $2 and customer_name is not null
               and split_part(customer_name, ' ', -1) >= $21 and split_part(customer_name, ' ', -1) < $22
             order by split_part(customer_name, ' ', -1) limit $11)) found
      where found.archived = any ($3::boolean[]) and found.status = any ($4::text[]) and found.id >= $5 and found.id < $6
        and ($14::text is null or found.courier_code = $14) and found.updated_at >= $15 and found.updated_at < $16
      order by found.id desc
      limit $7 offset $8) page
cross join lateral (
    select * from tracking t
    where t.bucket = get_byte(uuid_send(page.id), 7) and t.id = page.id
    offset 0) t
order by t.id desc

-- name: couriers_of_numbers
-- The number as a range, for the reason given at `find_trackings`; a number with many couriers shows the first ones.
select n.tracking_number, t.courier_code
from unnest($3::smallint[], $4::text[]) n (bucket, tracking_number)
cross join lateral (
    select q.courier_code from tracking q
    where q.bucket = any ($1::smallint[]) and q.bucket = n.bucket and q.account = $2
      and q.tracking_number >= n.tracking_number and q.tracking_number <= n.tracking_number
    order by q.tracking_number, q.courier_code limit $5) t
