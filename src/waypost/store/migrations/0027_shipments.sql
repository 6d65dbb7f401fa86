-- Which parcels a shop's shipment has or had, so that a replaced number can say by which one, and a cancelled shipment ends.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table shipment (
    connection uuid not null references connection (id) on delete cascade,
    shipment text collate "C" not null check (length(shipment) between 1 and 100),  -- the shop's own id of it
    tracking uuid not null,
    replaced_by uuid,                                           -- the parcel that the shop lists instead
    primary key (connection, shipment, tracking)
);
create index shipment_tracking on shipment (tracking);
