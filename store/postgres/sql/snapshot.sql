-- Returns one row of arrays instead of records, for which the driver creates few objects. With a cursor
-- ($4) the page holds the changes since; without one ($4 is null) the newest messages.
SELECT r.version, r.members_version, r.title, r.total, r.floor, me.user_id IS NOT NULL AS is_member,
       CASE WHEN me.shown_read IS NOT NULL THEN array[me.delivered_upto, me.read_upto] END AS own,
       me.marked_unread, r.about, r.data, r.frozen,
       (SELECT max(m.id) FROM messages m WHERE m.room_id = r.id) AS top,
       -- The newest message of others; read_upto if by the counters none is unread.
       coalesce(CASE WHEN r.total > me.sent + me.seen THEN {newest_of_others} END,
                me.read_upto) AS newest,
       w.users, w.delivered, w.read, h.*, f.*, e.*, q.*
  FROM rooms r
  LEFT JOIN members me ON me.room_id = r.id AND me.user_id = $2
 CROSS JOIN LATERAL (
       SELECT array_agg(user_id) AS users, array_agg(coalesce(shown_delivered, delivered_upto)) AS delivered,
              array_agg(coalesce(shown_read, read_upto)) AS read
         FROM members WHERE room_id = r.id) AS w
 CROSS JOIN LATERAL (
       SELECT array_agg(id) AS ids, array_agg(sender_id) AS senders, array_agg(text) AS texts,
              array_agg(created_at) AS created, array_agg(updated_at) AS updated,
              array_agg(version) AS versions, array_agg(client_id) AS clients,
              array_agg(deleted_at) AS gone, array_agg(reply_to) AS replies,
              array_agg(extra) AS extras,
              min(id) AS first_id, max(id) AS last_id
         FROM ((SELECT * FROM messages
                 WHERE room_id = $1 AND deleted_at IS NULL AND $4::bigint IS NULL
                   AND (r.version, r.total) IS DISTINCT FROM ($6::bigint, $7::bigint)
                 ORDER BY id DESC LIMIT $3)
               UNION ALL
               (SELECT * FROM messages
                 WHERE room_id = $1 AND version > $4
                 ORDER BY version LIMIT $3)) AS page) AS h
 CROSS JOIN LATERAL (
       SELECT array_agg(message_id ORDER BY message_id, position) AS of_ids,
              array_agg(key ORDER BY message_id, position) AS keys,
              array_agg(name ORDER BY message_id, position) AS names,
              array_agg(content_type ORDER BY message_id, position) AS types,
              array_agg(size ORDER BY message_id, position) AS sizes,
              array_agg(width ORDER BY message_id, position) AS widths,
              array_agg(height ORDER BY message_id, position) AS heights
         FROM (SELECT * FROM attachments
                WHERE room_id = r.id AND $4::bigint IS NULL
                  AND message_id BETWEEN h.first_id AND h.last_id
                UNION ALL
               -- The changed messages may be far apart, with many others between them.
               SELECT * FROM attachments
                WHERE room_id = r.id AND $4::bigint IS NOT NULL AND message_id = ANY(h.ids)) AS a) AS f
 CROSS JOIN LATERAL (
       SELECT array_agg(message_id ORDER BY created_at, emoji, user_id) AS reacted_to,
              array_agg(emoji ORDER BY created_at, emoji, user_id) AS emojis,
              array_agg(user_id ORDER BY created_at, emoji, user_id) AS reacting
         FROM (SELECT * FROM reactions
                WHERE room_id = r.id AND $4::bigint IS NULL
                  AND message_id BETWEEN h.first_id AND h.last_id
                UNION ALL
               SELECT * FROM reactions
                WHERE room_id = r.id AND $4::bigint IS NOT NULL AND message_id = ANY(h.ids)) AS a) AS e
 CROSS JOIN LATERAL (
       SELECT array_agg(m.id) AS quoted, array_agg(m.sender_id) AS authors,
              array_agg(CASE WHEN m.deleted_at IS NULL
                             THEN substr(m.text, 1, $5) END) AS shown
         FROM messages m WHERE m.room_id = r.id AND m.id = ANY(h.replies)) AS q
 WHERE r.id = $1 AND r.deleted_at IS NULL
