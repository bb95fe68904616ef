"""The blocks of a room's messages, with the sender of those blocks that have only one.

They are added in the background. A deletion corrects its block in the same transaction, so a block
always says what its messages say.
"""
# ruff: noqa: S608 # the parts of these statements are constants

from databases.core import Connection

from ..room_lock import lock_room

BLOCK_SIZE = 250  # messages
BLOCKS_AT_ONCE = 20  # one transaction locks the room for so many

NEW_BLOCKS = """
    b (block_after, upto, number) AS (
        SELECT CAST(:after AS bigint),
               (SELECT m.id FROM messages m WHERE m.room_id = :room_id AND m.id > :after
                 ORDER BY m.id LIMIT 1 OFFSET :skipped), 1
         UNION ALL
        SELECT b.upto,
               (SELECT m.id FROM messages m WHERE m.room_id = :room_id AND m.id > b.upto
                 ORDER BY m.id LIMIT 1 OFFSET :skipped), b.number + 1
          FROM b WHERE b.upto IS NOT NULL AND b.number < :most)
"""
PRESENT = """
    messages m WHERE m.room_id = :room_id AND m.deleted_at IS NULL
                 AND m.id > b.block_after AND m.id <= b.upto
"""
FIRST_SENDER = f"(SELECT m.sender_id FROM {PRESENT} ORDER BY m.id LIMIT 1)"
# Null if there are several, '' if there is none. It ends at the second sender.
ONLY_SENDER = f"""
    CASE WHEN NOT EXISTS (SELECT 1 FROM {PRESENT} AND m.sender_id <> {FIRST_SENDER})
         THEN coalesce({FIRST_SENDER}, '') END
"""
ADD = f"""
    INSERT INTO message_blocks (room_id, upto, block_after, only_sender)
    WITH RECURSIVE {NEW_BLOCKS}
    SELECT :room_id, b.upto, b.block_after, {ONLY_SENDER} FROM b WHERE b.upto IS NOT NULL
    RETURNING upto
"""
CORRECT = f"""
    UPDATE message_blocks AS b SET only_sender = {ONLY_SENDER}
     WHERE b.room_id = :room_id
       AND b.upto = (SELECT n.upto FROM message_blocks n
                      WHERE n.room_id = :room_id AND n.upto >= :message_id
                      ORDER BY n.upto LIMIT 1)
"""


async def find_due(db: Connection, above: int, limit: int) -> list[int]:
    """Return the ids of changed rooms above an id that may have a block to add, in order."""
    query = """
        SELECT c.room_id FROM list_changes c
         WHERE c.room_id > :above
           AND coalesce((SELECT 1 FROM rooms r
                          WHERE r.id = c.room_id AND r.version >= r.blocks_version + :size), 0) > 0
         ORDER BY c.room_id LIMIT :limit
    """
    values = {"above": above, "size": BLOCK_SIZE, "limit": limit}
    rows = await db.fetch_all(query, values)
    return [row["room_id"] for row in rows]


async def extend(db: Connection, room_id: int) -> bool:
    """Add blocks to the room; return whether there may be more to add."""
    await lock_room(db, room_id)
    row = await db.fetch_one("SELECT blocks_upto FROM rooms WHERE id = :id", {"id": room_id})
    if row is None:
        return False
    sizes = {"skipped": BLOCK_SIZE - 1, "most": BLOCKS_AT_ONCE}
    values = {"room_id": room_id, "after": row["blocks_upto"], **sizes}
    added = await db.fetch_all(ADD, values)
    upto = max((block["upto"] for block in added), default=row["blocks_upto"])
    is_more = len(added) == BLOCKS_AT_ONCE
    query = """
        UPDATE rooms
           SET blocks_upto = :upto,
               blocks_version = CASE WHEN :is_more = 1 THEN blocks_version ELSE version END
         WHERE id = :room_id
    """
    await db.execute(query, {"room_id": room_id, "upto": upto, "is_more": int(is_more)})
    return is_more


async def correct(db: Connection, room_id: int, message_id: int) -> None:
    """Correct the block of a message, in the transaction that has deleted it."""
    await db.execute(CORRECT, {"room_id": room_id, "message_id": message_id})


async def drop_upto(db: Connection, room_id: int, last: int) -> None:
    """Drop the blocks of messages that were dropped without tombstones."""
    query = "DELETE FROM message_blocks WHERE room_id = :room_id AND upto <= :last"
    await db.execute(query, {"room_id": room_id, "last": last})
    await correct(db, room_id, last)


async def rebuild(db: Connection, room_id: int) -> None:
    """Drop the blocks of a room; they are added again when the room is due."""
    where = {"room_id": room_id}
    await db.execute("DELETE FROM message_blocks WHERE room_id = :room_id", where)
    query = "UPDATE rooms SET blocks_upto = 0, blocks_version = 0 WHERE id = :room_id"
    await db.execute(query, where)
