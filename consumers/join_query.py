"""The query string of a room's socket."""

import re
from urllib.parse import parse_qsl

from msgspec import Struct

from ..protocol.errors import Close, Closing


class JoinQuery(Struct, frozen=True):
    """The room that a socket joins, its cursor, and its receipt mode."""

    room_id: int
    after: int | None
    epoch: str | None
    is_manual: bool
    is_compact: bool


def parse_join_query(query: bytes) -> JoinQuery:
    """Parse the query of `/ws/chat/`, in all spellings that clients use. Raises Closing."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        given.setdefault(name, value)
    odd = [name.removeprefix("room_id") for name in given if re.fullmatch(r"room_id\d+/?", name)]
    room_id = _parse_number(given.get("room_id", odd[0] if odd else "").removesuffix("/"))
    after = None if "after" not in given else _parse_number(given["after"])
    receipts = given["receipts"].split(",") if "receipts" in given else []
    epoch = given.get("epoch")
    if epoch == "" or not set(receipts) <= {"manual", "compact"}:
        raise Closing(Close.BAD_REQUEST)
    return JoinQuery(room_id, after, epoch, "manual" in receipts, "compact" in receipts)


def _parse_number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,99}", text, re.ASCII):
        raise Closing(Close.BAD_REQUEST)
    return int(text)
