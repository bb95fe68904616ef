"""Updates the order of room lists by one script.

The rooms and the rows of members are locked while it runs, and sends wait for them. So the server
runs it as a whole: the locks do not wait for this process between two statements.
"""
# ruff: noqa: S608 # the parts of these statements are constants

from typing import Any

from .. import list_order
from ..dialect import POSTGRESQL

LOCK_MEMBERS = """
    SELECT count(*)
      FROM (SELECT 1 FROM members WHERE room_id IN :room_ids
             ORDER BY room_id, user_id LOCKING()) AS locked
"""
# Later statements of the script read the ids from here; a script has no parameters.
CHOSEN = "= ANY (string_to_array(current_setting('roomcast.rooms'), ',')::bigint[])"


def script(limit: int) -> str:
    """Return statements that PostgreSQL runs in one transaction of their own.

    A crash may lose it, since the rooms are still recorded then: it does not wait for the disk.
    """
    choose = list_order.CHOOSE.replace(":limit", str(limit))
    first = f"""
        SELECT set_config('synchronous_commit', 'off', true),
               set_config('roomcast.rooms', coalesce(string_agg(CAST(c.id AS text), ','), ''), true)
          FROM ({choose}) AS c
    """
    # Receipts lock rows of members in this order, too.
    statements = (first, LOCK_MEMBERS, *list_order.CARRY_OVER)
    return POSTGRESQL.render(";".join(statements)).replace("IN :room_ids", CHOSEN)


async def carry_over(raw: Any, limit: int) -> bool:
    """Update the lists for up to `limit` rooms; return whether there may be more.

    Rooms that others are writing to are left for the next call.
    """
    status = await raw.execute(script(limit))  # of the last statement: DELETE and a number
    return int(status.split()[-1]) == limit
