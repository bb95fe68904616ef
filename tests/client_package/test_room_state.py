"""What a client makes of frames: each thing told once, whatever was missed."""

from typing import Any

from roomcast.client import Position
from roomcast.client.room_state import RoomState

ADA, BOB = 1, 2


def message(id_: int, text: str = "x", version: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "message_id": id_, "text": text, "sender_id": ADA, "status": "send", "room_id": 4,
        "version": version or id_, "created_at": f"t{id_}", "updated_at": f"t{id_}",
        "attachments": [],
    } | fields  # fmt: skip


def sync(version: int, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    empty = {"deleted": [], "receipts": [], "reset": False, "epoch": "e"}
    return {"type": "sync", "version": version, "messages": list(messages), **empty, **fields}


def sent(id_: int, text: str = "x", version: int = 0) -> dict[str, Any]:
    return {
        "type": "chat_message", "version": version or id_, "message": message(id_, text, version)
    }  # fmt: skip


def state(*frames: dict[str, Any], position: Position | None = None, keep: int = 100) -> RoomState:
    made = RoomState(position, keep)
    for frame in frames:
        made.apply(frame)
    return made


def told(made: RoomState, frame: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(u.type, (u.message or {}).get("message_id", u.message_id)) for u in made.apply(frame)]


def test_what_is_there_at_first_is_no_update() -> None:
    made = state()
    assert told(made, sync(2, message(1), message(2))) == []
    assert list(made.messages) == [1, 2]
    assert made.position == (2, "e", 2)


def test_with_a_position_everything_since_is_told() -> None:
    made = state(position=Position())
    assert told(made, sync(2, message(1), message(2))) == [("chat_message", 1), ("chat_message", 2)]


def test_a_sync_tells_what_was_missed_once() -> None:
    made = state(sync(1, message(1)), sent(2), sent(3))
    missed = sync(6, message(2, "edited", 4), message(4, version=6), deleted=[3, 99])
    assert told(made, missed) == [
        ("message_edited", 2), ("chat_message", 4), ("message_deleted", 3),
    ]  # fmt: skip
    assert told(made, sync(6)) == []


def test_a_restarted_program_tells_new_from_changed() -> None:
    made = state(position=Position(5, "e", newest=3))
    frame = sync(8, message(2, "edited", 6), message(4, version=8), deleted=[3])
    assert told(made, frame) == [
        ("message_edited", 2), ("chat_message", 4), ("message_deleted", 3),
    ]  # fmt: skip


def test_a_message_that_was_sent_again_is_told_once() -> None:
    made = state(sync(0), sent(1), sent(2))
    assert told(made, sent(1)) == []


def test_a_reset_starts_afresh_and_tells_the_new() -> None:
    made = state(sync(2, message(1), message(2)))
    assert told(made, sync(5000, message(2), message(9), reset=True)) == [
        ("reset", None), ("message_edited", 2), ("chat_message", 9),
    ]  # fmt: skip
    assert list(made.messages) == [2, 9]


def test_another_epoch_may_use_an_id_again() -> None:
    made = state(sync(3, message(1), message(2), message(3)))
    other = message(3, "another", created_at="later")
    assert told(made, sync(3, message(1), message(2), other, reset=True, epoch="f"))[-1] == (
        "chat_message", 3,
    )  # fmt: skip
    assert made.position == (3, "f", 3)


def test_statuses_follow_the_receipts() -> None:
    made = state(sync(2, message(1), message(2), message(3, sender_id=BOB)))
    receipt = {"type": "receipt", "room_id": 4, "user_id": BOB, "delivered": 2, "read": 1}
    assert told(made, receipt) == [("receipt", None)]
    assert [m.status for m in made.messages.values()] == ["read", "delivered", "send"]
    assert told(made, receipt) == []
    assert told(made, receipt | {"delivered": 1, "read": 0}) == []
    assert [m.status for m in made.messages.values()] == ["read", "delivered", "send"]


def test_a_sync_brings_receipts_of_old_messages() -> None:
    made = state(sync(1, message(1)))
    made.apply(sync(1, receipts=[{"user_id": BOB, "delivered": 1, "read": 1}]))
    assert made.messages[1].status == "read"


def test_the_slowest_counts_until_they_leave() -> None:
    receipts = [{"user_id": u, "delivered": n, "read": n} for u, n in ((BOB, 1), (3, 0))]
    made = state(sync(1, message(1), receipts=receipts))
    assert made.messages[1].status == "send"
    made.apply({"type": "room_changed", "room_id": 4, "members": [ADA, BOB], "title": None})
    assert made.messages[1].status == "read"


def test_marks_reactions_edits_and_quotes() -> None:
    quote = {"message_id": 1, "sender_id": ADA, "text": "x"}
    made = state(sync(2, message(1), message(2, reply_to=quote)))
    mark = {"type": "mark_message_as_read", "message": message(1, status="read")}
    assert told(made, mark) == [("mark_message_as_read", 1)]
    assert made.messages[1].status == "read"
    reacted = {"type": "message_reacted", "message_id": 1, "reactions": [{"emoji": "👍"}]}
    assert told(made, reacted | {"version": 3}) == [("message_reacted", 1)]
    assert made.messages[1].reactions == [{"emoji": "👍"}]
    assert told(made, {"type": "message_deleted", "message_id": 1, "version": 4}) == [
        ("message_deleted", 1)
    ]
    assert made.messages[2].reply_to == {**quote, "text": None}


def test_only_the_newest_are_kept() -> None:
    made = state(sync(3, message(1), message(2), message(3)), keep=2)
    assert list(made.messages) == [2, 3]


def test_unknown_frames_are_ignored() -> None:
    assert told(state(), {"type": "of_a_later_version", "version": 7}) == []
