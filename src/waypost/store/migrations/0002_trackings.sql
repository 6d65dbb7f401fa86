-- Trackings are listed by any filter, and what a list skips, or filters by, is read from its index alone: so the bucket
-- stands last in each. Every index that holds `status` is written when the status changes, the one that holds
-- `updated_at` at every change: changes of a parcel are no longer heap-only.

alter table tracking add column archived boolean not null default false;
alter table tracking add column order_number text collate "C";   -- the fact, to be found by its beginning

create index tracking_age on tracking (account, id, bucket);
drop index tracking_account;
create index tracking_lane on tracking (account, archived, status, id, bucket);
create index tracking_courier_lane on tracking (account, courier_code, archived, status, id, bucket);
create index tracking_changed_lane on tracking (account, archived, status, updated_at, id, bucket, courier_code);
create index tracking_order on tracking (account, order_number, id) where order_number is not null;

-- What was deleted is found by its number for as long as its events and deliveries are kept.
create table deleted_tracking (
    bucket smallint not null,
    day date not null,                              -- of the deletion, UTC
    id uuid not null,
    account uuid not null,
    tracking_number text collate "C" not null,
    primary key (id, day, bucket)
) partition by range (day);
create index deleted_tracking_number on deleted_tracking (account, tracking_number);

-- A parcel that is deleted takes with it what is queued outside its order.
create index due_unordered on due (tracking) where ordering = 'unordered' and sample is null;
