-- Who made an API key, as the audit log names them: a user's e-mail address, or the command line; null: not known.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table api_key add column made_by text;
