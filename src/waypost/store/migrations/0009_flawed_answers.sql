-- Answers that accepted a webhook and had something wrong with their bodies.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table delivery_hours add column flawed_answers integer not null default 0;
