-- Whether a dispatcher is the child of the `serve` that owns this PostgreSQL. There is one such at a time, and it never
-- outlives its parent, so another one's leases are taken over at once, also just after PostgreSQL was restarted.
alter table dispatcher add column child boolean not null default false;
