-- What waits of an endpoint, for who asks for that: the condition is true of every row, and only who says it can be
-- given this index. Statements that look rows up by id were given it, too, where one endpoint has nearly everything
-- that waits (PostgreSQL 18 skips over the few endpoints), and read half of it at each claim and settle.
-- Migrations run before anything is served: nothing waits for this.
-- squawk-ignore require-concurrent-index-deletion
drop index due_endpoint;
-- squawk-ignore require-concurrent-index-creation
create index due_endpoint on due (endpoint, id) where sequence > 0;
