-- How many calls an account has made in a second.

-- name: take_calls
-- Calls that another process took in this second count; earlier seconds do not count.
with taking as (
    insert into call_window as w (account, call, at, taken)
    values ($1, $2, date_trunc('second', now()), least($3::integer, $4::integer))
    on conflict (account, call) do update
    set taken = case when w.at = excluded.at then least(w.taken + $3, $4) else excluded.taken end, at = excluded.at
    returning new.at, new.taken - case when old.at = new.at then old.taken else 0 end as granted
)
select granted, extract(epoch from at + interval '1 second' - now())::float8 as seconds_left from taking
