"""Actions that the server has not confirmed yet, kept to be sent again after a lost connection."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import ChatError
from .records import MessageInfo, UserId
from .room_state import Frame, RoomState

MAX_IN_FLIGHT = 32  # unanswered actions of one connection


@dataclass(eq=False)
class PendingAction:
    """An action and the future of its outcome; `answer_of` finds it in a frame, or returns None.

    `answer_in` finds it in the state after a sync, if the frame itself was missed.
    """

    frame: Frame
    answer_of: Callable[[Frame], Any]
    answer_in: Callable[[RoomState], Any] = lambda _: None
    was_sent: int = 0  # number of times
    connection: int = 0  # the last one it was sent on
    future: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class PendingActions:
    """All unconfirmed actions of a room, in the order of the calls."""

    def __init__(self) -> None:
        self._actions: list[PendingAction] = []

    def __len__(self) -> int:
        return len(self._open())

    def add(self, action: PendingAction) -> None:
        """Keep an action until it is answered; one that is no longer awaited is dropped."""
        self._actions.append(action)
        action.future.add_done_callback(lambda _: self._actions.remove(action))

    def unsent(self, connection: int) -> Iterator[PendingAction]:
        """Yield the actions that this connection must still send, within the limit in flight."""
        in_flight = sum(action.connection == connection for action in self._open())
        waiting = [action for action in self._open() if action.connection != connection]
        yield from waiting[: max(0, MAX_IN_FLIGHT - in_flight)]

    def send_again(self) -> None:
        """Mark all actions as not sent on this connection."""
        for action in self._actions:
            action.connection = 0

    def resolve(self, frame: Frame) -> bool:
        """Resolve the action that this frame answers; a sync may answer many."""
        is_sync = frame["type"] == "sync"
        for action in self._open():
            answer = action.answer_of(frame)
            if answer is not None:
                action.future.set_result(answer)
                if not is_sync:
                    return True
        return bool(is_sync)

    def resolve_by(self, state: RoomState) -> None:
        """Resolve the actions that a sync has answered."""
        for action in self._open():
            if (answer := action.answer_in(state)) is not None:
                action.future.set_result(answer)

    def refuse(self, frame: Frame) -> bool:
        """Fail the action of this error; return False if it may be sent again."""
        error = ChatError(frame["code"], frame["message"], message_id=frame.get("message_id"))
        if error.is_temporary:
            return False
        action = next((a for a in self._open() if _is_about(frame, a.frame)), None)
        if action is None:
            return True
        if action.frame["action"] == "delete" and action.was_sent > 1 and error.code == "not_found":
            action.future.set_result(True)  # an earlier attempt deleted it, and its answer was lost
        else:
            action.future.set_exception(error)
        return True

    def fail_all(self, error: Exception) -> None:
        """Fail all actions, because the room is closed."""
        for action in self._open():
            action.future.set_exception(error)

    def _open(self) -> list[PendingAction]:
        return [action for action in self._actions if not action.future.done()]


def _is_about(error: Frame, action: Frame) -> bool:
    if error.get("client_id") is not None:
        return bool(error["client_id"] == action.get("client_id"))
    if error.get("action") != action["action"]:
        return False
    named = error.get("message_id")
    return named is None or str(named) == str(action.get("message_id"))


# ---------------------------------------------------------------- one for each kind of action


def sending(frame: Frame, user_id: UserId | None) -> PendingAction:
    """A message: its answer is the message as it was stored."""

    def is_it(message: Any) -> bool:
        return (
            isinstance(message, dict)
            and message.get("client_id") == frame["client_id"]
            and (user_id is None or message["sender_id"] == user_id)
        )

    def answer_of(received: Frame) -> Any:
        is_sync = received["type"] == "sync"
        candidates: list[Any] = received["messages"] if is_sync else [received.get("message")]
        return next((MessageInfo(m) for m in candidates if is_it(m)), None)

    return PendingAction(frame, answer_of)


def editing(message_id: int, text: str) -> PendingAction:
    """Another text: its answer is the message as it is now."""

    def answer_of(received: Frame) -> Any:
        is_it = received["type"] == "message_edited" and received["message_id"] == message_id
        return MessageInfo(received["message"]) if is_it and received["text"] == text else None

    def answer_in(state: RoomState) -> Any:
        message = state.messages.get(message_id)
        return message if message is not None and message.text == text else None

    frame = {"action": "edit", "message_id": message_id, "text": text}
    return PendingAction(frame, answer_of, answer_in)


def deleting(message_id: int) -> PendingAction:
    """A deletion: its answer is True."""

    def answer_of(received: Frame) -> Any:
        is_deleted = received["type"] == "message_deleted" and received["message_id"] == message_id
        is_synced = received["type"] == "sync" and message_id in received["deleted"]
        return True if is_deleted or is_synced else None

    return PendingAction({"action": "delete", "message_id": message_id}, answer_of)


def reacting(message_id: int, emoji: str, user_id: UserId | None, *, on: bool) -> PendingAction:
    """An emoji, there or gone: its answer is the list of the message's reactions."""

    def is_done(reactions: list[dict[str, Any]]) -> bool:
        users = [u for r in reactions if r["emoji"] == emoji for u in r["user_ids"]]
        return (bool(users) if user_id is None else user_id in users) == on

    def answer_of(received: Frame) -> Any:
        if received.get("message_id") != message_id:
            return None
        if received["type"] == "message_reacted":
            reactions = received["reactions"]
            return reactions if user_id is None or is_done(reactions) else None
        if received["type"] == "message_edited":  # in its place, after a gap repair
            reactions = received["message"].get("reactions", [])
            return reactions if is_done(reactions) else None
        return None

    frame = {"action": "react", "message_id": message_id, "emoji": emoji, "on": on}
    return PendingAction(frame, answer_of)


def paging(before: int | None, limit: int) -> PendingAction:
    """A page of history: its answer is the frame that holds it."""
    frame = {"action": "history", "limit": limit} | ({} if before is None else {"before": before})
    return PendingAction(
        frame, lambda received: received if received["type"] == "history" else None
    )
