-- An endpoint has one recovery at a time: several would share no limit.
-- squawk-ignore require-concurrent-index-creation
create unique index recovery_one on recovery (endpoint) where state = 'running' and not dry_run;
