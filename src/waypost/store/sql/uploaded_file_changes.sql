-- CSV files that wait for their columns to be matched, written: one for each user.

-- name: put_uploaded_file
insert into uploaded_file (account_user, content, uploaded_at) values ($1, $2, now())
on conflict (account_user) do update set content = excluded.content, uploaded_at = excluded.uploaded_at

-- name: delete_uploaded_file
delete from uploaded_file where account_user = $1

-- name: delete_old_uploaded_files
with old as materialized (
    select account_user from uploaded_file where uploaded_at <= now() - interval '1 hour' limit 100
)
delete from uploaded_file where account_user in (select account_user from old) returning account_user

-- name: put_column_mapping
insert into column_mapping (account, headings, columns, used_at) values ($1, $2, $3, now())
on conflict (account, headings) do update set columns = excluded.columns, used_at = excluded.used_at

-- name: delete_oldest_column_mappings
delete from column_mapping
where account = $1
  and headings not in (select headings from column_mapping where account = $1 order by used_at desc limit $2)
