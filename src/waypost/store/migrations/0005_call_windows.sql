-- Unlogged: after a crash nobody has made a call in this second. One row for each account and call, written a few times
-- a second at most, so it lives in the room that its own dead versions leave.
create unlogged table call_window (
    account uuid not null,
    call text not null,
    at timestamptz not null,                        -- the second that is counted
    taken integer not null,
    primary key (account, call)
) with (fillfactor = 50);
