"""The newest and the oldest message of others that a member has not read, as parts of statements.

Any number of the member's own messages may lie above it or below it. A statement passes at most
those of two blocks and those that are in no block yet; of each other block it reads one row.
"""
# ruff: noqa: S608 # the parts of these statements are constants

from functools import cache

_MAX_ID = "9223372036854775807"
_OTHERS = "(b.only_sender IS NULL OR b.only_sender NOT IN ('', me.user_id))"
_MESSAGES = """messages m
      WHERE m.room_id = me.room_id AND m.deleted_at IS NULL AND m.sender_id <> me.user_id"""
# The messages above it, up to the given one, are those of its block, or those that are in no block.
_BLOCK_START = """coalesce((SELECT b.block_after FROM message_blocks b
                              WHERE b.room_id = me.room_id AND b.upto >= {upto}
                              ORDER BY b.upto LIMIT 1), r.blocks_upto)"""
_LAST_BLOCK = f"""(SELECT b.{{column}} FROM message_blocks b
                    WHERE b.room_id = me.room_id AND b.upto < {{upto}} AND b.upto > me.read_upto
                      AND {_OTHERS}
                    ORDER BY b.upto DESC LIMIT 1)"""
_NEWEST = f"""coalesce(
    (SELECT CASE WHEN m.id > me.read_upto THEN m.id END FROM {_MESSAGES}
        AND m.id > {{start}} AND m.id <= {{upto}}
      ORDER BY m.id DESC LIMIT 1),
    (SELECT CASE WHEN m.id > me.read_upto THEN m.id END FROM {_MESSAGES}
        AND m.id > {_LAST_BLOCK.replace("{column}", "block_after")}
        AND m.id <= {_LAST_BLOCK.replace("{column}", "upto")}
      ORDER BY m.id DESC LIMIT 1))"""
_BLOCK_END = """(SELECT b.upto FROM message_blocks b
                  WHERE b.room_id = me.room_id AND b.upto > me.read_upto
                  ORDER BY b.upto LIMIT 1)"""
_NEXT_START = f"""coalesce((SELECT b.block_after FROM message_blocks b
                             WHERE b.room_id = me.room_id AND b.upto > me.read_upto
                               AND b.block_after >= me.read_upto AND {_OTHERS}
                             ORDER BY b.upto LIMIT 1), r.blocks_upto)"""
# With a sign the id is no condition for the index, which must begin at the start of the block.
_OLDEST = f"""coalesce(
    (SELECT m.id FROM {_MESSAGES}
        AND m.id > me.read_upto AND m.id <= {_BLOCK_END}
      ORDER BY m.id LIMIT 1),
    (SELECT m.id FROM {_MESSAGES}
        AND m.id > {_NEXT_START} AND +m.id > me.read_upto
      ORDER BY m.id LIMIT 1))"""

# Of the member `m` whose receipt `t` moves: in a whole block, in the block of the receipt, in none.
_ABOVE = """messages o WHERE o.room_id = m.room_id AND o.deleted_at IS NULL
                          AND o.sender_id <> m.user_id"""
_OTHERS_ABOVE_READ = f"""(
    EXISTS (SELECT 1 FROM message_blocks b
             WHERE b.room_id = m.room_id AND b.upto > t.read AND b.block_after >= t.read
               AND {_OTHERS.replace("me.", "m.")})
    OR EXISTS (SELECT 1 FROM {_ABOVE} AND o.id > t.read
                  AND o.id <= (SELECT b.upto FROM message_blocks b
                                WHERE b.room_id = m.room_id AND b.upto > t.read
                                ORDER BY b.upto LIMIT 1))
    OR EXISTS (SELECT 1 FROM {_ABOVE}
                  AND o.id > (SELECT CASE WHEN t.read > r.blocks_upto THEN t.read
                                          ELSE r.blocks_upto END
                                FROM rooms r WHERE r.id = m.room_id)))"""

PARTS = {
    "{newest_of_others}": _NEWEST.format(start="r.blocks_upto", upto=_MAX_ID),
    "{newest_of_others_upto}": _NEWEST.format(
        start=_BLOCK_START.format(upto=":message_id"), upto=":message_id"
    ),
    "{oldest_of_others}": _OLDEST,
    "{others_above_read}": _OTHERS_ABOVE_READ,
}


@cache
def with_others(query: str) -> str:
    """Replace `{newest_of_others}` and the like by an expression of the member `me` in room `r`.

    It is the id of an unread message, or null if there is none; of `{others_above_read}` it is
    whether there are messages of others above the receipt `t` of the member `m`.
    """
    for name, part in PARTS.items():
        query = query.replace(name, part)
    return query
