-- Why an attempt came to its outcome, or what was wrong with an answer that was accepted; null: nothing more is known.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table attempt add column reason text;
