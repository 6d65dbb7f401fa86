-- What a list skips, or filters by, is read from its index alone.
create index tracking_age on tracking (account, id, bucket);
drop index tracking_account;
create index tracking_changed_lane on tracking (account, archived, status, updated_at, id, bucket, courier_code);
drop index tracking_updated_lane;
