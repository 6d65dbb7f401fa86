-- How often sending it raised on our side. Fencing numbers can't tell: what is given back unsent raises them too.
alter table due add column crashes smallint not null default 0;
