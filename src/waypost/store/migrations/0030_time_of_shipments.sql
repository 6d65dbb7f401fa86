-- When the shop changed a shipment last, by its own clock: an older push that arrives later changes nothing.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table shipment add column changed_at timestamptz;
