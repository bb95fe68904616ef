-- A member's row takes his marks, and the number of texts that he sent, from `touched`. What he has
-- not seen is put in order for the sake of the index: while the table is thought to be empty, that
-- by version looks as good, and with it the whole room is read.
UPDATE members m
   SET delivered_upto = greatest(m.delivered_upto, t.delivered),
       read_upto = greatest(m.read_upto, t.read),
       sent = m.sent + t.sent,
       seen = m.seen + CASE WHEN t.read > m.read_upto THEN (
                  SELECT count(*) FROM (
                      SELECT FROM messages x
                       WHERE x.room_id = m.room_id AND x.id > m.read_upto AND x.id <= t.read
                         AND x.sender_id <> m.user_id
                       ORDER BY x.id) AS unseen) ELSE 0 END
  FROM touched t
 WHERE m.room_id = t.room_id AND m.user_id = t.user_id
   AND (m.delivered_upto < t.delivered OR m.read_upto < t.read OR t.sent > 0)
RETURNING m.room_id, m.user_id, m.delivered_upto, m.read_upto, t.delivered
