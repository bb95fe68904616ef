-- Returns the changes of a batch that must be refused, by their positions.
SELECT a.place, me.user_id IS NOT NULL AS is_member, x.id, x.text_hash, x.deleted_at IS NOT NULL AS is_deleted
  FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY
       AS a(room_id, sender_id, client_id, place)
  LEFT JOIN members me ON me.room_id = a.room_id AND me.user_id = a.sender_id
  LEFT JOIN messages x ON x.room_id = a.room_id AND x.sender_id = a.sender_id
                      AND x.client_id = a.client_id
 WHERE me.user_id IS NULL OR x.id IS NOT NULL
    OR (SELECT b.user_id FROM blocked_senders b
         WHERE b.room_id = a.room_id AND b.user_id = a.sender_id) IS NOT NULL
    OR (SELECT r.frozen = 1 FROM rooms r WHERE r.id = a.room_id)
