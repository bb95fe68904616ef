"""What each frame to a client must look like: every frame a test receives is held against this."""

import re
from typing import Any

Frame = Any  # what one JSON text holds: an object, or the first array

INTERNALS = re.compile(r"Traceback|Exception|Error\b|sqlite|0x[0-9a-f]{6}|<class", re.IGNORECASE)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
CODES = {
    "invalid_json", "invalid_frame", "empty_message", "too_long", "file_too_large", "file_type",
    "file_invalid", "file_missing", "storage_unavailable", "not_found", "forbidden", "conflict",
    "rate_limited", "unavailable", "internal",
}  # fmt: skip
MESSAGE = {
    "text", "message_id", "sender_id", "status", "created_at", "updated_at", "attachments",
    "room_id", "version",
}  # fmt: skip
MESSAGE_SOMETIMES = {
    "client_id", "reply_to", "reactions", "kind", "data", "actions", "chosen",
}  # fmt: skip
NOTICE = {
    "room_id", "counter_by_room", "last_message", "status", "sender_id", "sender_status",
    "created_at", "updated_at",
}  # fmt: skip
ATTACHMENT = {"file_url", "file_name", "content_type", "size"}
OF_A_PICTURE = {"width", "height"}
FRAMES = {
    "chat_message": {"version", "message"},
    "mark_message_as_delivered": {"message"},
    "mark_message_as_read": {"message"},
    "message_edited": {"version", "message_id", "text", "message"},
    "message_deleted": {"version", "message_id"},
    "message_reacted": {"version", "message_id", "reactions"},
    "acted": {"message_id", "id"},
    "receipt": {"room_id", "user_id", "delivered", "read"},
    "typing": {"user_id", "room_id"},
    "presence": {"user_id", "online", "last_seen"},
    "room_changed": {"room_id", "members", "title"},
    "notify": {"counter", "messages"},
    "room_deleted": {"room_id"},
    "sync": {"epoch", "version", "messages", "deleted", "receipts", "reset"},
    "history": {"messages", "has_more"},
    "presigned_url": {
        "presigned_url", "file_path", "file_name", "message", "client_id", "headers", "expires_in",
    },
    "auth": {"expires_at"},
    "pong": set(),
    "error": {"message", "code"},
}  # fmt: skip
SOMETIMES = {
    "error": {"action", "client_id", "message_id"},
    "history": {"has_newer"},
    "acted": {"reply"},
}
VERSIONED = {"chat_message", "message_edited", "message_deleted", "message_reacted"}
MARKS = {"mark_message_as_delivered": "delivered", "mark_message_as_read": "read"}
RANK = {"send": 0, "delivered": 1, "read": 2}


def is_id(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def is_user(value: object) -> bool:
    """A number where JavaScript holds it exactly, else a string that is no such number."""
    if type(value) is int:
        return abs(value) < 2**53
    canonical = isinstance(value, str) and re.fullmatch(r"-?[1-9][0-9]{0,14}|0", value)
    return isinstance(value, str) and 0 < len(value) <= 255 and not canonical


def check_message(message: dict[str, Any]) -> None:
    assert set(message) >= MESSAGE, message
    assert set(message) <= MESSAGE | MESSAGE_SOMETIMES, message
    assert is_id(message["message_id"]), message
    assert is_id(message["room_id"]), message
    assert is_id(message["version"]), message
    assert is_user(message["sender_id"]) or message["kind"] == "system", message
    assert message["status"] in RANK, message
    assert isinstance(message["text"], str), message
    assert TIME.fullmatch(message["created_at"]), message
    assert TIME.fullmatch(message["updated_at"]), message
    assert message["updated_at"] >= message["created_at"], message
    for attachment in message["attachments"]:
        is_picture = attachment["content_type"].startswith("image/") and "width" in attachment
        assert set(attachment) == ATTACHMENT | (OF_A_PICTURE if is_picture else set()), attachment
        assert attachment["file_url"].startswith(("http://", "https://")), attachment
    if "reply_to" in message:
        check_quote(message["reply_to"])
    if "reactions" in message:
        assert message["reactions"], message
        check_reactions(message["reactions"])


def check_quote(quote: dict[str, Any]) -> None:
    assert set(quote) == {"message_id", "sender_id", "text"}, quote
    assert is_id(quote["message_id"]), quote
    assert is_user(quote["sender_id"]), quote
    assert quote["text"] is None or len(quote["text"]) <= 140, quote


def check_reactions(reactions: list[dict[str, Any]]) -> None:
    assert len({r["emoji"] for r in reactions}) == len(reactions), reactions
    for reaction in reactions:
        assert set(reaction) == {"emoji", "count", "user_ids"}, reaction
        assert reaction["count"] == len(set(reaction["user_ids"])) > 0, reaction
        assert all(map(is_user, reaction["user_ids"])), reaction


def check_messages(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        check_message(message)
    ids = [m["message_id"] for m in messages]
    assert ids == sorted(set(ids)), f"not oldest first: {ids}"


def check_notices(notices: list[dict[str, Any]]) -> None:
    for notice in notices:
        assert NOTICE <= set(notice) <= NOTICE | {"attachments", "kind", "about"}, notice
        assert is_id(notice["room_id"]), notice
        assert notice["counter_by_room"] > 0, notice
        is_sites = notice.get("kind") == "system"  # then nobody is its sender
        assert (notice["sender_id"] is None) if is_sites else is_user(notice["sender_id"]), notice
        assert notice["status"] in RANK, notice
        assert notice["sender_status"] in ("online", "offline"), notice
        assert TIME.fullmatch(notice["created_at"]), notice
        assert TIME.fullmatch(notice["updated_at"]), notice


def flat(frame: Frame) -> Frame:
    """A `notify` frame in the shape of the first client, as one with `format=flat`."""
    if frame.get("type") != "notify" or isinstance(frame["messages"], list):
        return frame
    assert set(frame) == {"type", "messages"}, frame
    return {"type": "notify", **frame["messages"]}


def check_frame(frame: Frame) -> None:
    """Fails where a frame has a key too few or too many, or a value of another kind."""
    if isinstance(frame, list):
        return check_messages(frame)
    frame = flat(frame)
    kind = frame.get("type")
    assert kind in FRAMES, frame
    assert all(map(is_user, frame.get("members", ()))), frame
    keys = set(frame) - {"type"}
    assert keys >= FRAMES[kind], f"{FRAMES[kind] - keys} missing in {frame}"
    assert keys <= FRAMES[kind] | SOMETIMES.get(kind, set()), frame
    if kind == "error":
        assert frame["code"] in CODES, frame
        assert frame["message"], frame
        assert not INTERNALS.search(frame["message"]), frame
    elif kind in ("sync", "history"):
        check_messages(frame["messages"])
    elif kind == "notify":
        check_notices(frame["messages"])
    elif "message" in frame and kind != "presigned_url":
        check_message(frame["message"])
    if kind in MARKS:
        assert frame["message"]["status"] == MARKS[kind], frame
    if kind in VERSIONED:
        check_change(kind, frame)


def check_change(kind: str, frame: Frame) -> None:
    assert is_id(frame["version"]), frame
    if "message" in frame:
        assert frame["message"]["version"] == frame["version"], frame
    if kind == "message_reacted":
        check_reactions(frame["reactions"])
