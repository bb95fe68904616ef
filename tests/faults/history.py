"""What each client sent and was told in a room, and a checker: can all of that be true at once?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ..patience import patient
from ..shapes import MARKS, RANK, Frame

Message = dict[str, Any]
Answers = dict[str, list["Answer"]]
REFUSED_WITHIN = 5.0  # seconds
LASTING = ("room_id", "sender_id", "client_id", "created_at")  # no change touches these


class Sent(NamedTuple):
    at: float  # seconds since 1970, on the clock of the servers
    action: dict[str, Any]


class Heard(NamedTuple):
    at: float
    frame: Frame


class Answer(NamedTuple):
    """What became of one try to send; `code` is None where the connection took it along."""

    sent: float
    code: str | None
    heard: float


@dataclass
class Life:
    """One connection, from its first frame (always a `sync`) to its end."""

    after: int
    sent: list[Sent] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    code: int | None = None  # of its end
    is_over: bool = False


@dataclass
class History:
    """A client's connections, one after the other."""

    name: str
    user_id: int
    lives: list[Life] = field(default_factory=list)

    def replayed(self) -> "View":
        """What a client makes of all of it; what is wrong with it stands in `wrong`."""
        view = View(self.user_id)
        for life in self.lives:
            view.begin(life)
            for sent in _in_time(life):
                view.take(sent)
        return view


def _in_time(life: Life) -> list[Sent | Heard]:
    return sorted([*life.sent, *life.heard], key=lambda each: each.at)


class View:
    """The log of a client, by message id, that grows frame by frame; it notes what can't be."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.cursor = 0
        self.epoch: str | None = None
        self.messages: dict[int, Message] = {}
        self.deleted: set[int] = set()
        self.ranks: dict[int, int] = {}
        self.receipts: dict[int, tuple[int, int]] = {}
        self.wrong: list[str] = []
        self._life = 0
        self._marks: dict[int, str] = {}  # of this connection: the last one of each message
        self._tries: Counter[str] = Counter()  # of this connection: how often each may be repeated
        self._tried: set[str] = set()  # by earlier connections

    def begin(self, life: Life) -> None:
        self._life += 1
        self._marks.clear()
        self._tried |= self._tries.keys()
        self._tries.clear()
        self._expect(life.after == self.cursor, f"resumed after {life.after}, was {self.cursor}")

    def take(self, each: Sent | Heard) -> None:
        if isinstance(each, Sent):
            self._tries[each.action.get("client_id", "")] += 1
            return
        frame = each.frame
        match frame["type"]:
            case "sync":
                self._sync(frame)
            case "chat_message":
                self._message(frame)
            case "message_edited":
                self._expect(frame["message_id"] in self.messages, f"edits what isn't: {frame}")
                self._news(frame)
                self._put(frame["message"])
            case "message_deleted":
                self._news(frame)
                self._drop(frame["message_id"])
            case "receipt":
                self._receipt(frame)
            case kind if kind in MARKS:
                self._mark(frame)

    def status(self, message_id: int) -> int:
        """As a rank: told of the message itself, or by the receipts of all other members."""
        sender = self.messages[message_id]["sender_id"]
        others = [upto for user, upto in self.receipts.items() if user != sender]
        derived = min(
            (sum(message_id <= upto for upto in receipt) for receipt in others), default=0
        )
        return max(self.ranks.get(message_id, 0), derived)

    # ------------------------------------------------------------ each kind of frame

    def _sync(self, frame: Frame) -> None:
        self._expect(not frame["reset"], "the cursor was not trusted")
        self._expect(self.epoch in (None, frame["epoch"]), f"another epoch: {frame['epoch']}")
        self._expect(frame["version"] >= self.cursor, f"back to {frame['version']}")
        for message in frame["messages"]:
            is_new = self.cursor < message["version"] <= frame["version"]
            self._expect(is_new, f"not since {self.cursor}: {message}")
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
            self._news(frame)
        else:
            self._expect(is_mine, f"told as new again: {frame}")
            self._expect(frame["version"] <= self.cursor, f"repeated before its time: {frame}")
            is_same = (known["text"], known["version"]) == (message["text"], message["version"])
            self._expect(is_same, f"repeated as {message}, was {known}")
        if is_mine and (known is not None or client_id not in self._tried):
            self._tries[client_id] -= 1
        self._put(message)

    def _news(self, frame: Frame) -> None:
        version = frame["version"]
        self._expect(version > self.cursor, f"version {version} after {self.cursor}: {frame}")
        self.cursor = max(self.cursor, version)

    def _put(self, message: Message) -> None:
        id_ = message["message_id"]
        self._expect(id_ not in self.deleted, f"back from the dead: {message}")
        self.messages[id_] = message
        self._rank(id_, RANK[message["status"]])

    def _drop(self, message_id: int) -> None:
        self.messages.pop(message_id, None)
        self.deleted.add(message_id)

    def _rank(self, message_id: int, rank: int) -> None:
        had = self.ranks.get(message_id, 0)
        self._expect(rank >= had, f"status of {message_id} back from {had} to {rank}")
        self.ranks[message_id] = max(rank, had)

    def _mark(self, frame: Frame) -> None:
        id_, status = frame["message"]["message_id"], MARKS[frame["type"]]
        had = self._marks.get(id_)
        self._expect(had is None or RANK[had] < RANK[status], f"{had}, then marked: {frame}")
        self._expect(id_ in self.messages, f"marks what isn't: {frame}")
        self._marks[id_] = status
        self._rank(id_, RANK[status])

    def _receipt(self, receipt: Message) -> None:
        user, upto = receipt["user_id"], (receipt["delivered"], receipt["read"])
        had = self.receipts.get(user, (0, 0))
        self._expect(upto[0] >= had[0] and upto[1] >= had[1], f"receipt of {user} back to {upto}")
        self.receipts[user] = upto

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(f"connection {self._life}: {what}")


# ---------------------------------------------------------------- all of them together


def check(
    histories: Sequence[History],
    stored: Sequence[Message],
    version: int,
    *,
    in_doubt: bool = False,
) -> None:
    """`stored` is the whole room and `version` its counter, after all is said and done.

    With `in_doubt` the database's own answer to a commit was cut off: then a message that was
    refused may be stored all the same, and the client that sends it again finds it there.
    """
    wrong = list(contradictions(histories, stored, version, in_doubt=in_doubt))
    assert not wrong, f"{len(wrong)} contradictions:\n" + "\n".join(w[:600] for w in wrong[:20])


def contradictions(
    histories: Sequence[History],
    stored: Sequence[Message],
    version: int,
    *,
    in_doubt: bool = False,
) -> Iterator[str]:
    views = {history.name: history.replayed() for history in histories}
    for name, view in views.items():
        yield from (f"{name}: {what}" for what in view.wrong)
        yield from (f"{name}: {what}" for what in _ends_otherwise(view, stored, version))
    yield from _stored_twice(stored)
    yield from _stored_otherwise(histories, stored)
    yield from _told_differently(histories)
    gone = set().union(*(view.deleted for view in views.values()))
    for history in histories:
        for life in history.lives:
            yield from (f"{history.name}: {what}" for what in _missing(life, stored))
            yield from (f"{history.name}: {what}" for what in _lost(life, stored, gone))
        if not in_doubt:
            yield from (f"{history.name}: {what}" for what in _lies(history, stored))
        yield from (f"{history.name}: {what}" for what in _late(history))
        for error, number in Counter(_odd_errors(history)).items():
            yield f"{history.name}: {number} times the error {error}"


def _ends_otherwise(view: View, stored: Sequence[Message], version: int) -> Iterator[str]:
    if view.cursor != version:
        yield f"ends at version {view.cursor}, the room is at {version}"
    has = {id_: (m["version"], m["text"]) for id_, m in view.messages.items()}
    should = {m["message_id"]: (m["version"], m["text"]) for m in stored}
    for id_ in sorted(has.keys() | should.keys()):
        if has.get(id_) != should.get(id_):
            yield f"ends with {id_} as {has.get(id_)}, stored is {should.get(id_)}"


def _stored_twice(stored: Sequence[Message]) -> Iterator[str]:
    for keys in (("message_id",), ("version",), ("sender_id", "client_id")):
        counted = Counter(tuple(m[k] for k in keys) for m in stored if keys[-1] in m)
        yield from (f"{keys} {value}: stored {n} times" for value, n in counted.items() if n > 1)


def _stored_otherwise(histories: Sequence[History], stored: Sequence[Message]) -> Iterator[str]:
    """A text is what its author once sent, or edited it to; never a part of that."""
    texts: dict[int, set[str]] = {}
    names: set[tuple[int, str]] = set()
    for history in histories:
        for life in history.lives:
            for _, action in life.sent:
                text = action.get("message", action.get("text", ""))
                texts.setdefault(history.user_id, set()).add(text)
                names.add((history.user_id, action.get("client_id", "")))
    for message in stored:
        sender = message["sender_id"]
        if (sender, message.get("client_id")) in names and message["text"] not in texts[sender]:
            yield f"nobody wrote {message}"


def _told_differently(histories: Sequence[History]) -> Iterator[str]:
    """One version is one change, whoever is told of it."""
    told: dict[int, tuple[str, int, str | None]] = {}
    for history in histories:
        for life in history.lives:
            for _, frame in life.heard:
                if "version" not in frame or frame["type"] == "sync":
                    continue
                message = frame.get("message") or {}
                id_ = frame.get("message_id", message.get("message_id"))
                change = id_, message.get("text")
                name, *had = told.setdefault(frame["version"], (history.name, *change))
                if tuple(had) != change:
                    yield f"version {frame['version']}: {change} to {history.name}, {had} to {name}"


def _missing(life: Life, stored: Sequence[Message]) -> Iterator[str]:
    """What stands at a version that this connection passed was in one of its frames."""
    heard, last = set(), life.after
    for _, frame in life.heard:
        if frame["type"] == "sync":
            heard |= {m["version"] for m in frame["messages"]}
        elif "version" in frame:
            heard.add(frame["version"])
        last = max(last, frame.get("version", 0))
    for message in stored:
        if life.after < message["version"] <= last and message["version"] not in heard:
            yield f"after {life.after}, up to {last}, was not told of {message}"


def _lost(life: Life, stored: Sequence[Message], gone: set[int]) -> Iterator[str]:
    """What was told is there, or was deleted since."""
    by_id = {m["message_id"]: m for m in stored}
    for _, frame in life.heard:
        for told in [*frame.get("messages", ()), *filter(None, [frame.get("message")])]:
            if not isinstance(told, dict) or told["message_id"] in gone:
                continue
            kept = by_id.get(told["message_id"])
            if kept is None:
                yield f"lost: {told}"
            elif any(kept.get(key) != told.get(key) for key in LASTING):
                yield f"told as {told}, stored as {kept}"


def _lies(history: History, stored: Sequence[Message]) -> Iterator[str]:
    """An error means that nothing is stored: what is there was stored by a try without one."""
    created = {
        m["client_id"]: datetime.fromisoformat(m["created_at"]).timestamp()
        for m in stored
        if m["sender_id"] == history.user_id and "client_id" in m
    }
    for client_id, answers in answers_of(history).items():
        if client_id in created:
            codes = [a.code for a in answers if a.sent <= created[client_id]]
            if codes and all(code not in (None, "stored") for code in codes):
                yield f"{client_id} was answered {codes}, and is stored from then"


def _late(history: History) -> Iterator[str]:
    for client_id, answers in answers_of(history).items():
        for answer in answers:
            if answer.code not in (None, "stored") and answer.heard - answer.sent > patient(
                REFUSED_WITHIN
            ):
                took = answer.heard - answer.sent
                yield f"{client_id} was answered {answer.code} after {took:.1f} s"


def answers_of(history: History) -> Answers:
    """The tries of each client_id, in order: `stored`, an error's code, or None."""
    answers: Answers = {}
    for life in history.lives:
        heard: dict[str, list[tuple[str, float]]] = {}
        for at, frame in life.heard:
            message = frame.get("message")
            if frame["type"] == "error" and frame.get("client_id"):
                heard.setdefault(frame["client_id"], []).append((frame["code"], at))
            elif frame["type"] == "chat_message" and message["sender_id"] == history.user_id:
                heard.setdefault(message.get("client_id", ""), []).append(("stored", at))
        for at, action in life.sent:
            if client_id := action.get("client_id"):
                codes = heard.get(client_id)
                answer = Answer(at, *(codes.pop(0) if codes else (None, 0.0)))
                answers.setdefault(client_id, []).append(answer)
    return answers


def _odd_errors(history: History) -> Iterator[str]:
    """Of engines that are away nothing else follows than `unavailable`."""
    for life in history.lives:
        for _, frame in life.heard:
            if frame["type"] == "error" and frame["code"] != "unavailable":
                yield f"{frame['code']}: {frame['message']}"
