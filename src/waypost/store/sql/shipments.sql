-- Shops' shipments: the parcels of each, and which one replaced which.

-- name: newer_shipment
-- Nothing unless the shop has said something newer than $3 about a shipment.
select tracking from shipment where connection = $1 and shipment = $2 and changed_at > $3 limit 1

-- name: upsert_shipments
insert into shipment (connection, shipment, tracking, changed_at)
select $1::uuid, $2::text, tracking, $4::timestamptz from unnest($3::uuid[]) as n (tracking)
on conflict (connection, shipment, tracking) do update
set replaced_by = null, changed_at = coalesce(excluded.changed_at, shipment.changed_at)

-- name: replace_parcels
-- Those of a shipment that the shop does not list any more.
update shipment set replaced_by = $4
where connection = $1 and shipment = $2 and tracking <> all ($3::uuid[]) and replaced_by is null

-- name: parcels_of_shipment
select tracking from shipment where connection = $1 and shipment = $2 and replaced_by is null order by tracking

-- name: replacement_of
select t.id, t.tracking_number from shipment s
join tracking t on t.bucket = any ($1::smallint[]) and t.id = s.replaced_by
where s.tracking = $3 and t.account = $2
order by t.id desc limit 1

-- name: forget_shipments
delete from shipment where tracking = $1
