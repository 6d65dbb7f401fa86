-- Codes and texts of scans that nobody understood, read: a few hundred rows per account.

-- name: unread_of
select source, code, text, seen, first_at, last_at
from unread_scan where account = $1
order by seen desc, last_at desc, source, code, text
