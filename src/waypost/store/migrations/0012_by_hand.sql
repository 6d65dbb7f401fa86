-- What a person asked for waits in no lane, tests and resends alike.
-- Migrations run before anything is served: nothing waits for these.
-- squawk-ignore require-concurrent-index-creation
create index due_by_hand on due (id) where sample is not null or resend_of is not null;
-- squawk-ignore require-concurrent-index-deletion
drop index due_test;
