-- One index knows a delivery's place in its queue, where two did: the head comes first, then what is blocked, by
-- sequence. It still admits one head only. Blocked ones are told apart by their ids.

set lock_timeout = '5s';
set statement_timeout = '0';

create unique index concurrently if not exists due_place
    on due (tracking, endpoint, (case when blocked then sequence end) nulls first, (case when blocked then id end))
    nulls not distinct
    where ordering <> 'unordered';

drop index concurrently if exists due_queue;

drop index concurrently if exists due_head;
