-- CSV files that wait for their columns to be matched, and how files with the same headings were matched before.

-- name: uploaded_file
select content from uploaded_file where account_user = $1 and uploaded_at > now() - interval '1 hour'

-- name: column_mapping
select columns from column_mapping where account = $1 and headings = $2
