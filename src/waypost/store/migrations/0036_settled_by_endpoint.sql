-- What has settled is found by its endpoint and id, or by its parcel. An index by the id alone was written with each
-- delivery, and read only for single ones, whose endpoint is known. That nothing is settled twice does not need it: who
-- inserts here has deleted the one row of `due` in the same transaction.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

-- The previous version's statements name no key of this table, and find rows by id through the other indexes.
-- squawk-ignore ban-drop-constraint
alter table settled drop constraint settled_pkey;
