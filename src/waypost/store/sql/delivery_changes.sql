-- What people do with single deliveries.

-- name: insert_resend
-- Outside the order: a manual resend waits for nothing. A disabled or deleted endpoint gets none.
with target as materialized (
    select n.id from endpoint n where n.account = $3 and n.id = $4 and n.enabled and n.deleted_at is null
)
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, resend_of)
select $1, $2, id, $5, $6, $7, 'unordered', $8 from target
returning id
