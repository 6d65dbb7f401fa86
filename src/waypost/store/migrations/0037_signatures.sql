-- Signatures are stored as their digests, 32 bytes each, where hexadecimal and Base64 took 113 bytes of each attempt's row.
-- `signature` and `webhook_signature` are empty where there are `signatures`.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table attempt add column signatures bytea;
alter table attempt alter column signature set default '', alter column webhook_signature set default '';
