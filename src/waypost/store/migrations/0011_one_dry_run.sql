-- An endpoint has one dry run at a time, as it has one recovery: each reads up to a month of events.

update recovery older set state = 'stopped', finished_at = now()
where older.state = 'running' and older.dry_run and exists (
    select from recovery newer
    where newer.endpoint = older.endpoint and newer.state = 'running' and newer.dry_run and newer.id > older.id);
create unique index recovery_one_dry_run on recovery (endpoint) where state = 'running' and dry_run;
