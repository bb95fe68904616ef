WITH touched AS (
    SELECT *, 0 AS sent FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
                             AS mark(room_id, user_id, delivered, read)
), moved AS (
-- include advance_watermarks.sql
)
SELECT room_id, user_id, delivered_upto, read_upto FROM moved
