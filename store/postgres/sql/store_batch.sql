-- Stores all changes of a batch, or none if one of them must be refused. PostgreSQL has no statistics of
-- the parts of a statement, so joins between them would be nested loops, quadratic in the batch: there
-- are none. The versions before the batch are an array, indexed by the numbers of rooms in the batch. If
-- a members_version changed while the statement waited for the room, nothing is stored, and the batch is
-- repeated with the rooms locked first. Blocks and frozen rooms are not checked by EXISTS, for which
-- PostgreSQL may read all of them with each batch.
WITH sender AS (
    SELECT c.room_id, c.user_id, me.user_id IS NOT NULL AS is_member
      FROM unnest($4::bigint[], $5::text[], $8::int[]) AS c(room_id, user_id, sent)
      LEFT JOIN members me ON me.room_id = c.room_id AND me.user_id = c.user_id
     WHERE c.sent > 0
), checked AS (
    SELECT NOT EXISTS (
               SELECT FROM sender s
                WHERE NOT s.is_member
                   OR (SELECT b.user_id FROM blocked_senders b
                        WHERE b.room_id = s.room_id AND b.user_id = s.user_id) IS NOT NULL
                   OR (SELECT r.frozen = 1 FROM rooms r WHERE r.id = s.room_id))
           AND NOT EXISTS (
               SELECT FROM unnest($9::int[], $11::text[], $13::text[])
                           AS u(room_no, sender_id, client_id)
                 JOIN messages x ON x.room_id = ($2::bigint[])[u.room_no]
                                AND x.sender_id = u.sender_id AND x.client_id = u.client_id
                WHERE u.client_id IS NOT NULL)
           AS is_in_order
), counted AS (
    UPDATE rooms SET version = rooms.version + f.n, total = rooms.total + f.n,
                     active_at = $1
      FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY AS f(room_id, n, room_no)
      JOIN rooms seen ON seen.id = f.room_id
     WHERE rooms.id = f.room_id AND rooms.members_version = seen.members_version
       AND (SELECT is_in_order FROM checked)
    RETURNING f.room_no, rooms.members_version, rooms.version - f.n AS base
), listed AS (
    INSERT INTO list_changes (room_id) SELECT ($2::bigint[])[c.room_no] FROM counted c
        ON CONFLICT (room_id) DO NOTHING
), based AS (
    SELECT array_agg(base ORDER BY room_no) AS bases,
           array_agg(members_version ORDER BY room_no) AS members_versions
      FROM counted
    HAVING NOT (SELECT is_in_order FROM checked)
        OR 1 / (count(*) = cardinality($2))::int = 1 -- else a division by zero
), inserted AS (
    INSERT INTO messages (room_id, sender_id, client_id, text_hash, text, version, reply_to,
                          created_at, updated_at)
    SELECT ($2::bigint[])[u.room_no], u.sender_id, u.client_id, u.text_hash, u.text,
           (SELECT bases FROM based)[u.room_no] + u.place, u.reply_to, $1, $1
      FROM unnest($9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::bigint[],
                  $15::bigint[]) WITH ORDINALITY
           AS u(room_no, place, sender_id, text, client_id, text_hash, reply_to, o)
     WHERE (SELECT bases FROM based) IS NOT NULL
     ORDER BY u.o
    RETURNING id, room_id, version
), touched AS (
    SELECT * FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::int[])
                  AS t(room_id, user_id, delivered, read, sent)
     WHERE (SELECT bases FROM based) IS NOT NULL
), moved AS (
-- include advance_watermarks.sql
)
SELECT based.*, i.*, m.*
  FROM based,
       (SELECT array_agg(id) AS ids, array_agg(room_id) AS room_ids,
               array_agg(version) AS versions
          FROM inserted) AS i,
       (SELECT array_agg(room_id) AS marked, array_agg(user_id) AS users,
               array_agg(delivered_upto) AS delivered, array_agg(read_upto) AS read
          FROM moved WHERE delivered > 0) AS m
