-- By the beginning of a name, and by that of its last word, which is what support staff hear.

set lock_timeout = '5s';
set statement_timeout = '0';

create index concurrently if not exists tracking_customer on tracking (account, customer_name)
where customer_name is not null;

create index concurrently if not exists tracking_last_name on tracking (account, split_part(customer_name, ' ', -1))
where customer_name is not null;
