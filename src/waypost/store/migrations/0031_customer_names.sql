-- Parcels are found by the name of their customer, stored as it is searched (domain/customer_names.py). The keeper reads
-- the names of older parcels from their states, which are compressed.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table tracking add column customer_name text collate "C";
