-- A `serve` may have several dispatch processes, each in a place of its own: who had that place before has ended. The
-- others of the same parent may live, also when PostgreSQL restarts and nobody can prove it.
alter table dispatcher add column place smallint;
