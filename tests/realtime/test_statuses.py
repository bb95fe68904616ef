"""Statuses from watermarks: tables of cases, and a model that looks at every message each time."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.protocol import codec, events
from roomcast.protocol.events import MessageDeleted, MessageEdited, MessageSent, Quote
from roomcast.realtime import unread_buffer
from roomcast.realtime.events import Change, Mark, OldMessage, RoomEvent
from roomcast.realtime.statuses import MAX_WATERMARK, StatusTracker, StatusUpdate
from roomcast.realtime.unread_buffer import UnreadBuffer

ADA, BOB, EVE = "1", "2", "3"
ALL = (ADA, BOB, EVE)
RANK = {"send": 0, "delivered": 1, "read": 2}


def message(id_: int, sender: str, text: str = "hi", reply_to: int | None = None) -> events.Message:
    shown = events.Message(text, id_, int(sender), "send", "", "", [], 1, id_)
    if reply_to is not None:
        shown.reply_to = Quote(reply_to, 1, "before")
    return shown


def sent(id_: int, sender: str, reply_to: int | None = None) -> tuple[Change, bytes]:
    frame = codec.encode(MessageSent(id_, message(id_, sender, reply_to=reply_to)))
    return Change(id_, id_, sender, "sent"), frame


def edited(id_: int, sender: str, text: str, version: int = 99) -> tuple[Change, bytes]:
    frame = codec.encode(MessageEdited(version, id_, text, message(id_, sender, text)))
    return Change(version, id_, sender, "edited"), frame


def deleted(id_: int, sender: str, version: int = 99) -> tuple[Change, bytes]:
    return Change(version, id_, sender, "deleted"), codec.encode(MessageDeleted(version, id_))


def tracker(marks: dict[str, tuple[int, int]] | None = None, top: int = 0) -> StatusTracker:
    tracker = StatusTracker(1)
    tracker.start(marks or dict.fromkeys((ADA, BOB), (0, 0)), top)
    return tracker


def apply(
    tracker: StatusTracker,
    *changes: tuple[Change, bytes],
    older: tuple[OldMessage, ...] = (),
    by_joining: bool = False,
    **marks: tuple[int, int],
) -> StatusUpdate | None:
    """One event: these changes, and the watermarks of `u1`, `u2` …"""
    moved = [Mark(user[1:], *upto, by_joining=by_joining) for user, upto in marks.items()]
    event = RoomEvent(0, 0, [c for c, _ in changes], moved, frames=[f for _, f in changes])
    return tracker.apply(event, older)


def steps(update: StatusUpdate | None) -> list[tuple[int, str]]:
    return [(change.message_id, change.status) for change in update.statuses] if update else []


def advance(buffer: UnreadBuffer, delivered: int, read: int) -> list[str]:
    found: list[unread_buffer.StatusChange] = []
    buffer.advance(ADA, delivered, read, found)
    return [change.status for change in found]


def bodies(update: StatusUpdate | None) -> list[Any]:
    assert update is not None
    return [json.loads(change.body) for change in update.statuses]


@pytest.mark.parametrize(
    ("marks", "sender", "message_id", "status"),
    [
        ({ADA: (5, 5), BOB: (3, 2), EVE: (4, 1)}, ADA, 1, "read"),
        ({ADA: (5, 5), BOB: (3, 2), EVE: (4, 1)}, ADA, 2, "delivered"),
        ({ADA: (5, 5), BOB: (3, 2), EVE: (4, 1)}, ADA, 4, "send"),
        ({ADA: (5, 5), BOB: (3, 2), EVE: (4, 1)}, BOB, 4, "delivered"),
        ({ADA: (5, 3)}, BOB, 3, "read"),
        ({ADA: (5, 3)}, BOB, 5, "delivered"),
        ({ADA: (5, 3)}, BOB, 6, "send"),
        ({ADA: (5, 3)}, ADA, 9, "read"),
    ],
)
def test_a_status_is_the_lowest_of_all_others(
    marks: dict[str, tuple[int, int]], sender: str, message_id: int, status: str
) -> None:
    assert tracker(marks).status(sender, message_id) == status


def test_each_status_is_reached_once_and_in_order() -> None:
    room = tracker()
    assert steps(apply(room, sent(1, ADA), sent(2, ADA))) == []
    assert steps(apply(room, u2=(1, 0))) == [(1, "delivered")]
    assert apply(room, u2=(1, 0)) is None
    assert apply(room, u2=(0, 0)) is None
    assert steps(apply(room, u2=(2, 2))) == [
        (1, "read"), (2, "delivered"), (2, "read"),
    ]  # fmt: skip
    assert apply(room, u1=(2, 2)) is not None  # a receipt of the sender moves no status
    assert len(room.unread) == 0


def test_nobody_is_held_back_by_those_who_left_nor_by_those_who_are_new() -> None:
    room = tracker({ADA: (0, 0), BOB: (0, 0), EVE: (0, 0)})
    apply(room, sent(1, ADA), u2=(1, 1))
    assert room.status(ADA, 1) == "send"
    update = apply(room, u3=(MAX_WATERMARK, MAX_WATERMARK))
    assert steps(update) == [(1, "delivered"), (1, "read")]
    assert update is not None
    assert room.receipt_frames(update.moved) == []
    room.keep_members([ADA, BOB])
    room.add_members({"4": (1, 1), ADA: (9, 9)})
    assert room.watermarks == {ADA: (0, 0), BOB: (1, 1), "4": (1, 1)}
    assert room.status(ADA, 1) == "read"


def test_old_messages_are_asked_for_only_where_a_mark_may_change_them() -> None:
    room = tracker({ADA: (4, 4), BOB: (2, 1)}, top=5)
    marks = [Mark(BOB, 4, 3, by_joining=False)]
    assert room.old_span(marks) == (1, 4)
    assert room.old_span([Mark(BOB, 9, 9, by_joining=False)]) == (1, 5)
    assert room.old_span([Mark(BOB, 2, 1, by_joining=False)]) is None
    assert room.old_span([Mark(EVE, 9, 9, by_joining=False)]) is None
    older = tuple(OldMessage(id_, ADA, sent(id_, ADA)[1]) for id_ in (2, 3, 4))
    assert steps(apply(room, older=older, u2=(4, 3))) == [
        (2, "read"), (3, "delivered"), (3, "read"), (4, "delivered"),
    ]  # fmt: skip
    apply(room, u2=(5, 5))
    assert room.old_span([Mark(BOB, 9, 9, by_joining=False)]) is None


def test_a_join_makes_the_newest_statuses_known_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomcast.realtime.statuses.MAX_STATUS_FRAMES_OF_JOIN", 2)
    room = tracker()
    apply(room, *(sent(id_, ADA) for id_ in range(1, 6)))
    joined = apply(room, by_joining=True, u2=(5, 5))
    assert [id_ for id_, _ in steps(joined)] == [4, 4, 5, 5]
    assert room.status(ADA, 1) == "read"


def test_an_edit_says_the_status_that_was_sent_last_and_its_marks_follow() -> None:
    room = tracker()
    apply(room, u2=(9, 9))
    update = apply(room, sent(1, ADA), edited(1, ADA, "better"))
    assert update is not None
    assert [json.loads(f)["message"]["status"] for f in update.frames] == ["send", "send"]
    assert steps(update) == [(1, "delivered"), (1, "read")]
    assert [body["text"] for body in bodies(update)] == ["better", "better"]
    later = apply(room, edited(1, ADA, "best"))
    assert later is not None
    assert json.loads(later.frames[0])["message"]["status"] == "read"


def test_a_reply_shows_its_message_as_it_is_by_now() -> None:
    room = tracker({ADA: (9, 9), BOB: (0, 0)})
    apply(room, sent(1, ADA), sent(2, ADA, reply_to=1), sent(3, BOB, reply_to=1), sent(4, ADA))
    apply(room, edited(1, ADA, "after"))
    assert [body.get("reply_to", {}).get("text") for body in bodies(apply(room, u2=(2, 0)))] == [
        None, "after",
    ]  # fmt: skip
    apply(room, deleted(1, ADA))
    (reply,) = [b for b in bodies(apply(room, u2=(4, 2))) if b["message_id"] == 2]
    assert reply["reply_to"]["text"] is None


def test_the_index_of_replies_forgets_what_is_kept_no_longer() -> None:
    buffer = UnreadBuffer()
    for id_ in (2, 3):
        buffer.add(ADA, id_, codec.encode(message(id_, ADA, reply_to=1)))
    assert buffer.has_replies(1)
    advance(buffer, 2, 2)
    assert buffer.has_replies(1)
    buffer.replace(ADA, 3, None)
    assert not buffer.has_replies(1)
    buffer.requote(1, "nobody quotes it")
    assert (len(buffer), buffer.size) == (0, 0)


def test_the_index_of_replies_forgets_what_was_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_buffer, "MAX_UNREAD_MESSAGES", 1)
    buffer = UnreadBuffer()
    for id_, quoted in ((2, 1), (3, 2)):
        buffer.add(ADA, id_, codec.encode(message(id_, ADA, reply_to=quoted)))
    assert (buffer.has_replies(1), buffer.has_replies(2)) == (False, True)
    assert buffer.incomplete_upto == 2


def test_what_is_kept_is_counted_through_edits_deletions_and_reactions() -> None:
    buffer = UnreadBuffer()
    for id_, text in ((1, "a"), (2, "bb"), (3, "ccc")):
        buffer.add(ADA, id_, codec.encode(message(id_, ADA, text)))
    longer = codec.encode(message(1, ADA, "longer"))
    buffer.replace(ADA, 1, longer)
    buffer.replace(ADA, 2, None)
    buffer.replace(BOB, 1, b"of another sender")
    assert len(buffer) == 2
    assert buffer.size == len(longer) + len(codec.encode(message(3, ADA, "ccc")))
    assert advance(buffer, 1, 1) == ["delivered", "read"]
    assert advance(buffer, 3, 1) == ["delivered"]
    assert buffer.last_sent_status(ADA, 3) == "delivered"
    assert advance(buffer, 3, 3) == ["read"]
    assert (len(buffer), buffer.size) == (0, 0)


def test_frames_since_a_snapshot_carry_every_status_so_far() -> None:
    room = tracker()
    changes = [sent(1, ADA), sent(2, BOB)]
    apply(room, *changes, u2=(1, 1), u1=(2, 0))
    full = [json.loads(f) for f in room.frames_since(changes, is_compact=False)]
    assert [(f["type"], f["message"]["message_id"]) for f in full] == [
        ("chat_message", 1),
        ("mark_message_as_delivered", 1),
        ("mark_message_as_read", 1),
        ("chat_message", 2),
        ("mark_message_as_delivered", 2),
    ]
    compact = [json.loads(f) for f in room.frames_since(changes, is_compact=True)]
    assert [f["type"] for f in compact] == ["chat_message", "chat_message", "receipt", "receipt"]


# ---------------------------------------------------------------- a model


class Model:
    """Every message, and the statuses that were sent of it; nothing is ever forgotten."""

    def __init__(self) -> None:
        self.marks = dict.fromkeys(ALL, (0, 0))
        self.senders: dict[int, str] = {}
        self.seen: dict[int, list[str]] = {}

    def rank(self, id_: int) -> int:
        others = [upto for user, upto in self.marks.items() if user != self.senders[id_]]
        delivered, read = (min(upto[which] for upto in others) for which in (0, 1))
        return 2 if id_ <= min(read, delivered) else 1 if id_ <= delivered else 0

    def move(self, user: str, delivered: int, read: int) -> None:
        had = self.marks[user]
        self.marks[user] = max(had[0], delivered), max(had[1], read)

    def older(self, span: tuple[int, int] | None) -> tuple[OldMessage, ...]:
        """What the database would give for this span."""
        above, upto = span or (0, 0)
        return tuple(
            OldMessage(id_, sender, sent(id_, sender)[1])
            for id_, sender in self.senders.items()
            if above < id_ <= upto
        )


STEPS = st.lists(
    st.one_of(
        st.sampled_from(ALL),  # who sends a message
        st.tuples(st.sampled_from(ALL), st.integers(0, 30), st.integers(0, 30)),  # who reads
    ),
    max_size=40,
)


@given(steps_=STEPS, most=st.integers(1, 4))
def test_every_message_gets_every_status_that_it_has_once(steps_: list[Any], most: int) -> None:
    with pytest.MonkeyPatch.context() as small:
        small.setattr(unread_buffer, "MAX_UNREAD_MESSAGES", most)
        room, model = tracker(dict.fromkeys(ALL, (0, 0))), Model()
        for step in steps_:
            older: tuple[OldMessage, ...] = ()
            if isinstance(step, str):
                id_ = len(model.senders) + 1
                model.senders[id_], model.seen[id_] = step, []
                update = apply(room, sent(id_, step))
            else:
                user, *reached = step
                read, delivered = sorted(reached)
                mark = Mark(user, delivered, read, by_joining=False)
                older = model.older(room.old_span([mark]))
                update = room.apply(RoomEvent(marks=[mark]), older)
                model.move(user, delivered, read)
            for id_, status in steps(update):
                model.seen[id_].append(status)
            for id_, sender in model.senders.items():
                rank = model.rank(id_)
                assert RANK[room.status(sender, id_)] == rank
                assert model.seen[id_] == ["delivered", "read"][:rank]
