-- Lists by five indexes instead of six, and narrower ones. An id holds its bucket, so no list has to read it from an
-- index. All parcels are read as the sum of their lanes. What changed is found by courier too, however rare the courier.
-- Migrations run before anything is served: nothing waits for these.
-- squawk-ignore require-concurrent-index-deletion
drop index tracking_age, tracking_lane, tracking_courier_lane, tracking_changed_lane, tracking_order;
-- squawk-ignore require-concurrent-index-creation
create index tracking_lane on tracking (account, archived, status, id);
-- squawk-ignore require-concurrent-index-creation
create index tracking_courier_lane on tracking (account, courier_code, archived, status, id);
-- squawk-ignore require-concurrent-index-creation
create index tracking_changed_lane on tracking (account, courier_code, archived, status, updated_at, id);
-- squawk-ignore require-concurrent-index-creation
create index tracking_order on tracking (account, order_number) where order_number is not null;
