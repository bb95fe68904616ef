"""The state of a room in a client, updated frame by frame. It does no I/O."""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from .records import MessageInfo, Record, UserId

Frame = dict[str, Any]
STATUSES = ("send", "delivered", "read")


class Position(NamedTuple):
    """A client's position in a room; with it, a restarted program continues.

    `newest` is the highest message id seen, which tells new messages from changed ones.
    """

    after: int = 0
    epoch: str = ""
    newest: int = 0


class RoomUpdate(Record):
    """A change of a room, in the shape of the protocol's frame of this `type`.

    A `sync` becomes updates like the missed frames: `chat_message`, `message_edited`,
    `message_deleted`, `receipt`. The type `reset` is the client's own: the server could not send
    the missed changes, and `room.messages` has been replaced.
    """

    type: str
    message: MessageInfo | None
    message_id: int | None
    user_id: UserId | None


class RoomState:
    """Messages by id, receipts by user, and the cursor; `apply` takes each frame once."""

    def __init__(self, position: Position | None, keep: int) -> None:
        self.messages: dict[int, MessageInfo] = {}
        self.receipts: dict[UserId, tuple[int, int]] = {}
        self.is_synced = False  # whether the first sync was received
        self.cursor, self.epoch, self.newest = position or Position()
        self._reports_first_sync = position is not None
        self._keep = keep
        self._ids: list[int] = []  # of `messages`, in order
        self._handlers: dict[str, Callable[[Frame], Iterator[Frame]]] = {
            "sync": self._sync,
            "chat_message": self._message,
            "message_edited": self._edited,
            "message_deleted": self._deleted,
            "message_reacted": self._reacted,
            "mark_message_as_delivered": self._marked,
            "mark_message_as_read": self._marked,
            "receipt": self._receipt,
            "room_changed": self._room_changed,
            "presence": self._as_it_is,
            "typing": self._as_it_is,
            "room_deleted": self._as_it_is,
        }

    @property
    def position(self) -> Position:
        """The position with which a later client continues from here."""
        return Position(self.cursor, self.epoch, self.newest)

    def apply(self, frame: Frame) -> list[RoomUpdate]:
        """Apply a frame, and return the new updates, without known ones."""
        handler = self._handlers.get(frame.get("type", ""))
        updates = [RoomUpdate(update) for update in handler(frame)] if handler else []
        self.cursor = max(self.cursor, frame.get("version", 0))
        return updates

    # ---------------------------------------------------------------- sync

    def _sync(self, frame: Frame) -> Iterator[Frame]:
        known = {(id_, m.created_at) for id_, m in self.messages.items()}
        is_other_epoch = self.epoch not in ("", frame["epoch"])
        is_reported = self.is_synced or self._reports_first_sync
        updates: list[Frame] = []
        if frame["reset"]:
            self._clear()
            updates.append({"type": "reset"})
        newest = 0 if is_other_epoch and known else self.newest
        for message in frame["messages"]:
            is_new = message["message_id"] > newest
            is_new = is_new and (message["message_id"], message["created_at"]) not in known
            updates.append(_as_update(message, frame["version"], is_new=is_new))
            self._put(message)
        deleted = [id_ for id_ in frame["deleted"] if self._drop(id_) or id_ <= newest]
        updates += [{"type": "message_deleted", "message_id": id_} for id_ in deleted]
        moved = [r for r in frame["receipts"] if self._move(r)]
        self._raise_statuses(self._ids)
        updates += [{"type": "receipt", **receipt} for receipt in moved]
        self.cursor, self.epoch = frame["version"], frame["epoch"]
        if is_other_epoch:
            self.newest = max(self.messages, default=0)
        self.is_synced = True
        if is_reported:
            yield from updates

    # ---------------------------------------------------------------- changes

    def _message(self, frame: Frame) -> Iterator[Frame]:
        if frame["message"]["message_id"] in self.messages and frame["version"] <= self.cursor:
            return  # the answer to a message that was sent again
        self._put(frame["message"])
        yield _with_record(frame)

    def _edited(self, frame: Frame) -> Iterator[Frame]:
        self._put(frame["message"])
        yield _with_record(frame)

    def _deleted(self, frame: Frame) -> Iterator[Frame]:
        self._drop(frame["message_id"])
        yield frame

    def _reacted(self, frame: Frame) -> Iterator[Frame]:
        message = self.messages.get(frame["message_id"])
        if message is not None:
            message.pop("reactions", None)
            if frame["reactions"]:
                message["reactions"] = frame["reactions"]
        if frame["version"] > self.cursor:
            yield frame

    # ---------------------------------------------------------------- receipts

    def _marked(self, frame: Frame) -> Iterator[Frame]:
        message = self.messages.get(frame["message"]["message_id"])
        if message is not None:
            _raise_status(message, frame["message"]["status"])
        yield _with_record(frame)

    def _receipt(self, frame: Frame) -> Iterator[Frame]:
        had = self.receipts.get(frame["user_id"], (0, 0))
        if self._move(frame):
            newer = takewhile(lambda id_: id_ > min(had), reversed(self._ids))
            self._raise_statuses(newer)
            yield frame

    def _move(self, receipt: Frame) -> bool:
        """Move a member's receipt forward; return False if it is there already."""
        had = self.receipts.get(receipt["user_id"], (0, 0))
        moved = max(had[0], receipt["delivered"]), max(had[1], receipt["read"])
        self.receipts[receipt["user_id"]] = moved
        return moved != had

    def _raise_statuses(self, message_ids: Iterable[int]) -> None:
        for message_id in message_ids:
            _raise_status(self.messages[message_id], self.status(message_id))

    def status(self, message_id: int) -> str:
        """Return the status of a message: the lowest of all recipients' receipts."""
        sender = self.messages[message_id].sender_id
        others = [receipt for user, receipt in self.receipts.items() if user != sender]
        if not others:
            return str(self.messages[message_id].status)
        return STATUSES[min(sum(message_id <= upto for upto in receipt) for receipt in others)]

    def _room_changed(self, frame: Frame) -> Iterator[Frame]:
        left = self.receipts.keys() - set(frame["members"])
        for user in left:
            del self.receipts[user]
        self._raise_statuses(self._ids)
        yield frame

    def _as_it_is(self, frame: Frame) -> Iterator[Frame]:
        yield frame

    # ---------------------------------------------------------------- messages

    def _put(self, message: Frame) -> None:
        id_, had = message["message_id"], self.messages.get(message["message_id"])
        self.messages[id_] = record = MessageInfo(message)
        if had is None:
            insort(self._ids, id_)
        else:
            _raise_status(record, had.status)
        _raise_status(record, self.status(id_))
        self.newest = max(self.newest, id_)
        while len(self._ids) > self._keep:
            del self.messages[self._ids.pop(0)]

    def _drop(self, message_id: int) -> bool:
        for message in self.messages.values():
            quote = message.reply_to
            if quote is not None and quote["message_id"] == message_id:
                quote["text"] = None
        if self.messages.pop(message_id, None) is None:
            return False
        self._ids.remove(message_id)
        return True

    def _clear(self) -> None:
        self.messages.clear()
        self._ids.clear()
        self.receipts.clear()


def _raise_status(message: MessageInfo, status: str) -> None:
    if STATUSES.index(status) > STATUSES.index(message["status"]):
        message["status"] = status


def _as_update(message: Frame, version: int, *, is_new: bool) -> Frame:
    record = MessageInfo(message)
    if is_new:
        return {"type": "chat_message", "version": version, "message": record}
    fields = {"message_id": record.message_id, "text": record.text, "message": record}
    return {"type": "message_edited", "version": version, **fields}


def _with_record(frame: Frame) -> Frame:
    return frame | {"message": MessageInfo(frame["message"])}
