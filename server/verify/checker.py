"""The checker: compares the histories of all clients with each other and with the stored room."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from .history import ClientHistory, ConnectionLog, Message, Replay

REFUSED_WITHIN = 5.0  # seconds in which an action that fails is answered
LASTING = ("room_id", "sender_id", "client_id", "created_at")  # no change may touch these

SendOutcomes = dict[str, list["SendOutcome"]]


class SendOutcome(NamedTuple):
    """The outcome of one attempt to send; `code` is None if there was no answer."""

    sent: float
    code: str | None
    received: float


class Contradiction(NamedTuple):
    """A broken promise, and the reason."""

    promise: str
    what: str


@dataclass
class Rules:
    """The deviations that a run allows.

    With `may_be_stored`, a refused message may be stored nevertheless: the database's answer to a
    commit was lost, or the clocks of clients and servers differ.
    """

    may_be_stored: bool = False
    refused_within: float = REFUSED_WITHIN
    allowed_errors: frozenset[str] = frozenset({"unavailable"})


def contradictions(
    histories: Sequence[ClientHistory], stored: Sequence[Message], version: int, rules: Rules
) -> Iterator[Contradiction]:
    """Yield contradictions; `stored` is the final room and `version` its counter."""
    replays = {history.name: history.replay() for history in histories}
    deleted = set().union(*(replay.deleted for replay in replays.values()))
    for name, replay in replays.items():
        yield from (Contradiction(promise, f"{name}: {what}") for promise, what in replay.wrong)
        yield from _named(name, "nothing_lost", _ends_otherwise(replay, stored, version))
    yield from (Contradiction("nothing_doubled", what) for what in _stored_twice(stored))
    yield from (Contradiction("nothing_lost", what) for what in _nobody_wrote(histories, stored))
    yield from (Contradiction("one_order", what) for what in _sent_differently(histories))
    for history in histories:
        for connection in history.connections:
            yield from _named(history.name, "nothing_lost", _missing(connection, stored))
            yield from _named(history.name, "nothing_lost", _lost(connection, stored, deleted))
        if not rules.may_be_stored:
            yield from _named(history.name, "refusals", _stored_though_refused(history, stored))
        yield from _named(history.name, "refusals", _late(history, rules))
        yield from _named(history.name, "refusals", _odd_errors(history, rules))


def _named(name: str, promise: str, found: Iterator[str]) -> Iterator[Contradiction]:
    return (Contradiction(promise, f"{name}: {what}") for what in found)


def _ends_otherwise(replay: Replay, stored: Sequence[Message], version: int) -> Iterator[str]:
    if replay.cursor != version:
        yield f"ends at version {replay.cursor}, the room is at {version}"
    has = {id_: (m["version"], m["text"]) for id_, m in replay.messages.items()}
    should = {m["message_id"]: (m["version"], m["text"]) for m in stored}
    for id_ in sorted(has.keys() | should.keys()):
        if has.get(id_) != should.get(id_):
            yield f"ends with {id_} as {has.get(id_)}, stored is {should.get(id_)}"


def _stored_twice(stored: Sequence[Message]) -> Iterator[str]:
    for keys in (("message_id",), ("version",), ("sender_id", "client_id")):
        counted = Counter(tuple(m[k] for k in keys) for m in stored if keys[-1] in m)
        yield from (f"{keys} {value}: stored {n} times" for value, n in counted.items() if n > 1)


def _nobody_wrote(histories: Sequence[ClientHistory], stored: Sequence[Message]) -> Iterator[str]:
    """Yield texts that their author never sent, not even in an edit."""
    texts: dict[int | str, set[str]] = {}
    names: set[tuple[int | str, str]] = set()
    for history in histories:
        for connection in history.connections:
            for _, action in connection.sent:
                text = action.get("message", action.get("text", ""))
                texts.setdefault(history.user_id, set()).add(text)
                names.add((history.user_id, action.get("client_id", "")))
    for message in stored:
        sender = message["sender_id"]
        if (sender, message.get("client_id")) in names and message["text"] not in texts[sender]:
            yield f"nobody wrote {message}"


def _sent_differently(histories: Sequence[ClientHistory]) -> Iterator[str]:
    """Yield versions that are different changes for different clients."""
    known: dict[int, tuple[str, Any]] = {}
    for history in histories:
        for connection in history.connections:
            for _, frame in connection.received:
                if "version" not in frame or frame["type"] == "sync":
                    continue
                message = frame.get("message") or {}
                change = frame.get("message_id", message.get("message_id")), message.get("text")
                name, had = known.setdefault(frame["version"], (history.name, change))
                if had != change:
                    yield f"version {frame['version']}: {change} to {history.name}, {had} to {name}"


def _missing(connection: ConnectionLog, stored: Sequence[Message]) -> Iterator[str]:
    """Yield messages whose version this connection passed without a frame of them."""
    received, last = set(), connection.after
    for _, frame in connection.received:
        if frame["type"] == "sync":
            received |= {m["version"] for m in frame["messages"]}
        elif "version" in frame:
            received.add(frame["version"])
        last = max(last, frame.get("version", 0))
    for message in stored:
        is_passed = connection.after < message["version"] <= last
        if is_passed and message["version"] not in received:
            yield f"after {connection.after}, up to {last}, never got {message}"


def _lost(connection: ConnectionLog, stored: Sequence[Message], deleted: set[int]) -> Iterator[str]:
    """Yield messages that were in a frame but are neither stored nor deleted."""
    by_id = {m["message_id"]: m for m in stored}
    for _, frame in connection.received:
        for message in [*frame.get("messages", ()), *filter(None, [frame.get("message")])]:
            if not isinstance(message, dict) or message["message_id"] in deleted:
                continue
            kept = by_id.get(message["message_id"])
            if kept is None:
                yield f"lost: {message}"
            elif any(kept.get(key) != message.get(key) for key in LASTING):
                yield f"sent as {message}, stored as {kept}"


def _stored_though_refused(history: ClientHistory, stored: Sequence[Message]) -> Iterator[str]:
    """Yield stored messages of which every attempt was answered by an error."""
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


def _late(history: ClientHistory, rules: Rules) -> Iterator[str]:
    for client_id, answers in answers_of(history).items():
        for answer in answers:
            took = answer.received - answer.sent
            if answer.code not in (None, "stored") and took > rules.refused_within:
                yield f"{client_id} was answered {answer.code} after {took:.1f} s"


def _odd_errors(history: ClientHistory, rules: Rules) -> Iterator[str]:
    """Yield errors that are not allowed during an outage."""
    odd = Counter(
        f"{frame['code']}: {frame['message']}"
        for connection in history.connections
        for _, frame in connection.received
        if frame["type"] == "error" and frame["code"] not in rules.allowed_errors
    )
    yield from (f"{number} times the error {error}" for error, number in odd.items())


def answers_of(history: ClientHistory) -> SendOutcomes:
    """Return the attempts of each client_id in order: `stored`, an error's code, or None."""
    answers: SendOutcomes = {}
    for connection in history.connections:
        codes = _codes_in(connection, history.user_id)
        for at, action in connection.sent:
            if client_id := action.get("client_id"):
                found = codes.get(client_id)
                answer = SendOutcome(at, *(found.pop(0) if found else (None, 0.0)))
                answers.setdefault(client_id, []).append(answer)
    return answers


def _codes_in(
    connection: ConnectionLog, user_id: int | str
) -> dict[str, list[tuple[str | None, float]]]:
    codes: dict[str, list[tuple[str | None, float]]] = {}
    for at, frame in connection.received:
        message = frame.get("message")
        if frame["type"] == "error" and frame.get("client_id"):
            codes.setdefault(frame["client_id"], []).append((frame["code"], at))
        elif frame["type"] == "chat_message" and message["sender_id"] == user_id:  # type: ignore[index]
            codes.setdefault(message.get("client_id", ""), []).append(("stored", at))  # type: ignore[union-attr]
    return codes
