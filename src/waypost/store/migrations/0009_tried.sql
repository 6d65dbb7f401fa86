-- What was tried and waits to be tried again, however much waits that was not: an endpoint's page shows its last errors.
-- A retry changes next_at, which is indexed too, so this costs no heap-only update.
-- Migrations run before anything is served: nothing waits for this.
-- squawk-ignore require-concurrent-index-creation
create index due_tried on due (endpoint, id) where tries > 0;
