-- When each duty of the keeper was last done, so that several keepers do no more than one.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table duty (
    number integer primary key,
    done_at timestamptz not null
);
