-- What people asked for is found by when it is due: no other index has that order, so that it is never looked for among
-- all that waits.
-- squawk-ignore require-concurrent-index-deletion
drop index due_by_hand;
-- squawk-ignore require-concurrent-index-creation
create index due_by_hand on due (next_at, id) where sample is not null or resend_of is not null;
