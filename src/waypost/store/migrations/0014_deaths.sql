-- How many times in a row the process died that had it in hand, as its parent saw. In no index but that of the
-- suspects, which is empty in calm.
alter table due add column deaths smallint not null default 0;
-- Migrations run before anything is served: nothing waits for this.
-- squawk-ignore require-concurrent-index-creation
create index due_suspect on due (next_at, id) where deaths >= 2;
-- The parent of a dispatcher's process: one that starts another of the same parent has outlived it.
alter table dispatcher add column witness uuid;
