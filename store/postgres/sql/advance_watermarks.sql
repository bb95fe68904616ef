-- Updates members' rows with their watermarks, and with the number of texts that they sent, from
-- `touched`. Unseen messages are ordered so that the planner takes the index on ids: while it assumes an
-- empty table, the index on versions seems as good, and with that one the whole room is read.
-- A receipt usually passes few messages, or ends near the newest one. In the second case the messages
-- above it are counted, in one state of the database; otherwise those that it passes.
UPDATE members m
   SET delivered_upto = greatest(m.delivered_upto, t.delivered),
       read_upto = greatest(m.read_upto, t.read),
       sent = m.sent + t.sent,
       seen = CASE WHEN t.read > m.read_upto THEN coalesce(
           m.seen + (SELECT CASE WHEN count(*) < 1000
                                 THEN count(*) FILTER (WHERE x.sender_id <> m.user_id) END
                       FROM (SELECT sender_id FROM messages
                              WHERE room_id = m.room_id AND id > m.read_upto AND id <= t.read
                              ORDER BY id LIMIT 1000) AS x),
           (SELECT r.total - s.sent FROM rooms r JOIN members s ON s.room_id = r.id
             WHERE r.id = m.room_id AND s.user_id = m.user_id)
           - (SELECT CASE WHEN count(*) < 1000
                          THEN count(*) FILTER (WHERE x.sender_id <> m.user_id) END
                FROM (SELECT sender_id FROM messages
                       WHERE room_id = m.room_id AND id > t.read
                       ORDER BY id LIMIT 1000) AS x),
           m.seen + (SELECT count(*)
                       FROM (SELECT FROM messages x
                              WHERE x.room_id = m.room_id AND x.id > m.read_upto
                                AND x.id <= t.read AND x.sender_id <> m.user_id
                              ORDER BY x.id) AS unseen)) ELSE m.seen END,
       unread_deleted = CASE WHEN t.read > m.read_upto AND m.unread_deleted > 0 THEN greatest(0, coalesce(
           m.unread_deleted
           - (SELECT CASE WHEN count(*) < 1000
                          THEN count(*) FILTER (WHERE x.sender_id <> m.user_id) END
                FROM (SELECT sender_id FROM messages
                       WHERE room_id = m.room_id AND id > m.read_upto AND id <= t.read
                         AND deleted_at IS NOT NULL
                       ORDER BY id LIMIT 1000) AS x),
           (SELECT CASE WHEN count(*) < 1000
                        THEN count(*) FILTER (WHERE x.sender_id <> m.user_id) END
              FROM (SELECT sender_id FROM messages
                     WHERE room_id = m.room_id AND id > t.read AND deleted_at IS NOT NULL
                     ORDER BY id LIMIT 1000) AS x),
           m.unread_deleted
           - (SELECT count(*) FROM messages x
               WHERE x.room_id = m.room_id AND x.id > m.read_upto AND x.id <= t.read
                 AND x.sender_id <> m.user_id AND x.deleted_at IS NOT NULL)))
           ELSE m.unread_deleted END,
       is_behind = CASE WHEN m.is_behind = 1 AND t.read > m.read_upto
                         AND NOT {others_above_read} THEN 0 ELSE m.is_behind END
  FROM touched t
 WHERE m.room_id = t.room_id AND m.user_id = t.user_id
   AND (m.delivered_upto < t.delivered OR m.read_upto < t.read OR t.sent > 0)
RETURNING m.room_id, m.user_id, coalesce(m.shown_delivered, m.delivered_upto) AS delivered_upto,
          coalesce(m.shown_read, m.read_upto) AS read_upto, t.delivered
