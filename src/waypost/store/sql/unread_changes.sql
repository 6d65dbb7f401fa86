-- Codes and texts of scans that nobody understood, written every few seconds.

-- name: count_unread
insert into unread_scan (account, source, code, text, seen, first_at, last_at)
select account, source, code, text, seen, now(), now()
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[]) as n (account, source, code, text, seen)
where exists (select from account a where a.id = n.account)
order by account, source, code, text
on conflict (account, source, code, text) do update
    set seen = unread_scan.seen + excluded.seen, last_at = excluded.last_at

-- name: trim_unread
delete from unread_scan u
using unnest($1::uuid[]) as n (account), lateral (
    select source, code, text from unread_scan w
    where w.account = n.account
    order by seen desc, last_at desc, source, code, text offset $2
) as rare
where u.account = n.account and u.source = rare.source and u.code = rare.code and u.text = rare.text

-- name: delete_unread
delete from unread_scan where account = $1
