"""Replays what each client sent and received in a room, and reports contradictions."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .shapes import MARKS, RANKS

Frame = dict[str, Any]
Message = dict[str, Any]


class Sent(NamedTuple):
    """An action, and when it was sent, in seconds since 1970."""

    at: float
    action: dict[str, Any]


class Received(NamedTuple):
    """A frame, and when it came, in seconds since 1970."""

    at: float
    frame: Frame


@dataclass
class ConnectionLog:
    """One connection, from its first frame (always a `sync`) to its end."""

    after: int
    sent: list[Sent] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    code: int | None = None  # its close code
    is_over: bool = False

    def in_time(self) -> list[Sent | Received]:
        """All actions and frames in order."""
        return sorted([*self.sent, *self.received], key=lambda each: each.at)


@dataclass
class ClientHistory:
    """A client's connections, one after the other."""

    name: str
    user_id: int | str
    connections: list[ConnectionLog] = field(default_factory=list)

    def replay(self) -> "Replay":
        """Replays all connections and returns the client's state; contradictions are in `wrong`."""
        replay = Replay(self.user_id)
        for connection in self.connections:
            replay.begin(connection.after)
            for each in connection.in_time():
                replay.take(each)
        return replay


class Progression:
    """The statuses and receipts of one socket, which may only go forward."""

    def __init__(self) -> None:
        self._ranks: dict[int, int] = {}
        self._receipts: dict[Any, tuple[int, int]] = {}

    def take(self, frame: Any) -> list[str]:
        """Return the statuses and receipts that this frame moved backwards."""
        problems: list[str] = []
        try:
            for message in _messages_in(frame):
                id_, rank = message["message_id"], RANKS[message["status"]]
                if rank < self._ranks.get(id_, 0):
                    problems.append(f"the status of {id_} goes back to {message['status']}")
                self._ranks[id_] = max(rank, self._ranks.get(id_, 0))
            for receipt in _receipts_in(frame):
                user, upto = receipt["user_id"], (receipt["delivered"], receipt["read"])
                had = self._receipts.get(user, (0, 0))
                if upto[0] < had[0] or upto[1] < had[1]:
                    problems.append(f"the receipt of {user} goes back from {had} to {upto}")
                self._receipts[user] = upto
        except (KeyError, TypeError):
            return problems  # a frame of another shape, which is reported as such
        return problems


def _messages_in(frame: Any) -> list[Any]:
    if isinstance(frame, list):
        return frame
    if frame.get("type") in ("sync", "history"):
        return list(frame["messages"])
    return [frame["message"]] if isinstance(frame.get("message"), dict) else []


def _receipts_in(frame: Any) -> list[Any]:
    if isinstance(frame, list):
        return []
    return (
        list(frame["receipts"])
        if frame.get("type") == "sync"
        else [each for each in (frame,) if each.get("type") == "receipt"]
    )


class Replay:
    """The state of one client by message id, frame by frame; contradictions are in `wrong`."""

    def __init__(self, user_id: int | str) -> None:
        self.user_id = user_id
        self.cursor = 0
        self.epoch: str | None = None
        self.messages: dict[int, Message] = {}
        self.deleted: set[int] = set()
        self.ranks: dict[int, int] = {}
        self.receipts: dict[int | str, tuple[int, int]] = {}
        self.wrong: list[tuple[str, str]] = []  # (promise, what)
        self._marks: dict[int, str] = {}  # of this connection: the last one of each message
        self._tries: Counter[str] = Counter()  # of this connection: how often each may be repeated
        self._tried: set[str] = set()  # by earlier connections
        self._connection = 0

    def begin(self, after: int) -> None:
        """Another connection, which resumed after this version."""
        self._connection += 1
        self._marks.clear()
        self._tried |= self._tries.keys()
        self._tries.clear()
        self._expect(after == self.cursor, "resuming", f"resumed after {after}, was {self.cursor}")

    def take(self, each: Sent | Received) -> None:
        """One action or frame."""
        if isinstance(each, Sent):
            self._tries[each.action.get("client_id", "")] += 1
            return
        handlers = {
            "sync": self._sync, "chat_message": self._message, "message_edited": self._edited,
            "message_deleted": self._deleted, "receipt": self._receipt,
        } | dict.fromkeys(MARKS, self._mark)  # fmt: skip
        handler = handlers.get(each.frame["type"])
        if handler is not None:
            handler(each.frame)

    def rank(self, message_id: int) -> int:
        """The rank of a message's status: as told of itself, or by all recipients' receipts."""
        sender = self.messages[message_id]["sender_id"]
        others = [upto for user, upto in self.receipts.items() if user != sender]
        derived = min(
            (sum(message_id <= upto for upto in receipt) for receipt in others), default=0
        )
        return max(self.ranks.get(message_id, 0), derived)

    # ---------------------------------------------------------------- each kind of frame

    def _sync(self, frame: Frame) -> None:
        known = self.epoch in (None, frame["epoch"])
        self._expect(not frame["reset"], "resuming", "the cursor was not trusted")
        self._expect(known, "resuming", f"another epoch: {frame['epoch']}")
        back = f"back to version {frame['version']} from {self.cursor}"
        self._expect(frame["version"] >= self.cursor, "resuming", back)
        for message in frame["messages"]:
            is_new = self.cursor < message["version"] <= frame["version"]
            self._expect(is_new, "resuming", f"not since {self.cursor}: {message}")
            self._put(message)
        for message_id in frame["deleted"]:
            self._drop(message_id)
        for receipt in frame["receipts"]:
            self._receipt(receipt)
        self.cursor, self.epoch = frame["version"], frame["epoch"]

    def _message(self, frame: Frame) -> None:
        message, client_id = frame["message"], frame["message"].get("client_id", "")
        is_mine = message["sender_id"] == self.user_id and self._tries[client_id] > 0
        known = self.messages.get(message["message_id"])
        if known is None:
            self._advance(frame)
        else:
            self._repeated(frame, known, is_mine=is_mine)
        if is_mine and (known is not None or client_id not in self._tried):
            self._tries[client_id] -= 1
        self._put(message)

    def _repeated(self, frame: Frame, known: Message, *, is_mine: bool) -> None:
        message = frame["message"]
        self._expect(is_mine, "nothing_doubled", f"sent as new again: {frame}")
        early = f"repeated before its version came: {frame}"
        self._expect(frame["version"] <= self.cursor, "one_order", early)
        is_same = (known["text"], known["version"]) == (message["text"], message["version"])
        self._expect(is_same, "nothing_doubled", f"repeated as {message}, was {known}")

    def _edited(self, frame: Frame) -> None:
        is_known = frame["message_id"] in self.messages
        self._expect(is_known, "nothing_lost", f"edits a message that never came: {frame}")
        self._advance(frame)
        self._put(frame["message"])

    def _deleted(self, frame: Frame) -> None:
        self._advance(frame)
        self._drop(frame["message_id"])

    def _advance(self, frame: Frame) -> None:
        version = frame["version"]
        out_of_order = f"version {version} after {self.cursor}: {frame}"
        self._expect(version > self.cursor, "one_order", out_of_order)
        self.cursor = max(self.cursor, version)

    def _put(self, message: Message) -> None:
        id_ = message["message_id"]
        self._expect(id_ not in self.deleted, "nothing_lost", f"back after deletion: {message}")
        self.messages[id_] = message
        self._raise(id_, RANKS[message["status"]])

    def _drop(self, message_id: int) -> None:
        self.messages.pop(message_id, None)
        self.deleted.add(message_id)

    def _raise(self, id_: int, rank: int) -> None:
        had = self.ranks.get(id_, 0)
        self._expect(rank >= had, "true_statuses", f"status of {id_} back from {had} to {rank}")
        self.ranks[id_] = max(rank, had)

    def _mark(self, frame: Frame) -> None:
        id_, status = frame["message"]["message_id"], MARKS[frame["type"]]
        had = self._marks.get(id_)
        in_order = had is None or RANKS[had] < RANKS[status]
        self._expect(in_order, "true_statuses", f"{had}, then marked: {frame}")
        unknown = f"marks a message that never came: {frame}"
        self._expect(id_ in self.messages, "nothing_lost", unknown)
        self._marks[id_] = status
        self._raise(id_, RANKS[status])

    def _receipt(self, receipt: Message) -> None:
        user, upto = receipt["user_id"], (receipt["delivered"], receipt["read"])
        had = self.receipts.get(user, (0, 0))
        forward = upto[0] >= had[0] and upto[1] >= had[1]
        self._expect(forward, "true_statuses", f"receipt of {user} back from {had} to {upto}")
        self.receipts[user] = upto

    def _expect(self, holds: bool, promise: str, what: str) -> None:
        if not holds:
            self.wrong.append((promise, f"connection {self._connection}: {what}"))
