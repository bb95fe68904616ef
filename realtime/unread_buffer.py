"""The unread messages of a room, as encoded text for later status frames. Pure: no I/O."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from ..protocol.splice import QUOTE_START, quotes_in, requoted, with_reactions
from ..store.receipts import Status

MAX_UNREAD_MESSAGES = 256  # for each sender in a room
MAX_UNREAD_SIZE = 1 << 16  # bytes of them, for each sender


class StatusChange(Struct, gc=False):
    """An encoded message, and the status that it has reached."""

    message_id: int
    body: bytes
    status: Literal["delivered", "read"]


class SenderMessages:
    """The messages of one sender that are not read by everybody, in two queues by their status."""

    __slots__ = ("_delivered", "_sent", "count", "size")

    def __init__(self) -> None:
        self.count = 0
        self.size = 0  # bytes
        self._sent: OrderedDict[int, bytes] = OrderedDict()
        self._delivered: OrderedDict[int, bytes] = OrderedDict()

    def get(self, message_id: int) -> bytes | None:
        """Return an encoded message, or None if it is not in the buffer."""
        return self._sent.get(message_id) or self._delivered.get(message_id)

    def add(self, message_id: int, body: bytes) -> None:
        """Add a message with the status `send`."""
        self._sent[message_id] = body
        self.count += 1
        self.size += len(body)

    def pop_oldest(self) -> tuple[int, bytes]:
        """Remove and return the oldest message, with its id."""
        message_id, body = (self._delivered or self._sent).popitem(last=False)
        self.count -= 1
        self.size -= len(body)
        return message_id, body

    def replace(self, message_id: int, body: bytes | None) -> None:
        """Replace a message in the buffer by another form; None removes it."""
        for queue in (self._sent, self._delivered):
            if (before := queue.get(message_id)) is not None:
                self.size -= len(before)
                if body is None:
                    del queue[message_id]
                    self.count -= 1
                else:
                    queue[message_id] = body
                    self.size += len(body)

    def last_sent_status(self, message_id: int) -> Status | None:
        """Return the status that sockets were sent last; None if the message is unknown."""
        if message_id in self._sent:
            return "send"
        return "delivered" if message_id in self._delivered else None

    def advance(self, delivered: int, read: int, found: list[StatusChange]) -> None:
        """Advance the messages up to these ids; append each status that they reach to `found`."""
        while self._delivered and next(iter(self._delivered)) <= read:
            id_, body = self.pop_oldest()
            found.append(StatusChange(id_, body, "read"))
        while self._sent and next(iter(self._sent)) <= delivered:
            id_, body = self._sent.popitem(last=False)
            found.append(StatusChange(id_, body, "delivered"))
            if id_ <= read:
                self.count -= 1
                self.size -= len(body)
                found.append(StatusChange(id_, body, "read"))
            else:
                self._delivered[id_] = body


class UnreadBuffer:
    """The unread messages of a room, by sender; bounded for each of them.

    Messages with ids up to `incomplete_upto` may be missing; the database has them.
    """

    def __init__(self, incomplete_upto: int = 0) -> None:
        self.incomplete_upto = incomplete_upto
        self._senders: dict[str, SenderMessages] = {}
        self._replies: dict[int, dict[int, str]] = {}  # quoted id → ids that quote it, and senders

    def add(self, sender_id: str, message_id: int, body: bytes) -> None:
        """Add a message that was sent; remove the sender's oldest messages above the limits."""
        messages = self._senders.get(sender_id)
        if messages is None:
            messages = self._senders[sender_id] = SenderMessages()
        messages.add(message_id, body)
        if QUOTE_START in body:
            self._index(sender_id, message_id, body)
        while messages.count > MAX_UNREAD_MESSAGES or messages.size > MAX_UNREAD_SIZE:
            forgotten, body = messages.pop_oldest()
            self._unindex(forgotten, body)
            self.incomplete_upto = max(self.incomplete_upto, forgotten)

    def react(self, sender_id: str, message_id: int, frame: bytes) -> None:
        """Update the reactions of a message from a `message_reacted` frame."""
        messages = self._senders.get(sender_id)
        if messages is not None and (body := messages.get(message_id)) is not None:
            messages.replace(message_id, with_reactions(body, frame))

    def replace(self, sender_id: str, message_id: int, body: bytes | None) -> None:
        """Replace a message by its edited form; None removes a deleted message."""
        messages = self._senders.get(sender_id)
        if messages is None or (before := messages.get(message_id)) is None:
            return
        messages.replace(message_id, body)
        self._unindex(message_id, before)
        if body is not None:
            self._index(sender_id, message_id, body)

    def has_replies(self, message_id: int) -> bool:
        """Return whether messages in the buffer may quote this one."""
        return message_id in self._replies

    def requote(self, message_id: int, text: str | None) -> None:
        """Update the quote in the replies to a message; None if it was deleted."""
        for reply_id, sender_id in self._replies.get(message_id, {}).items():
            messages = self._senders[sender_id]
            if (body := messages.get(reply_id)) is not None:
                messages.replace(reply_id, requoted(body, message_id, text))

    def last_sent_status(self, sender_id: str, message_id: int) -> Status | None:
        """Return the status that sockets were sent last; None if the message is unknown."""
        messages = self._senders.get(sender_id)
        return None if messages is None else messages.last_sent_status(message_id)

    def advance(self, sender_id: str, delivered: int, read: int, found: list[StatusChange]) -> None:
        """Advance the sender's messages up to these ids; append each status to `found`."""
        before = len(found)
        self._senders[sender_id].advance(delivered, read, found)
        if self._replies:
            for change in found[before:]:
                if change.status == "read":
                    self._unindex(change.message_id, change.body)

    @property
    def senders(self) -> Iterable[str]:
        """The users of whom messages are or were in the buffer."""
        return self._senders

    @property
    def size(self) -> int:
        """The bytes of all messages in the buffer."""
        return sum(messages.size for messages in self._senders.values())

    def __len__(self) -> int:
        return sum(messages.count for messages in self._senders.values())

    def _index(self, sender_id: str, message_id: int, body: bytes) -> None:
        for quoted_id in quotes_in(body):
            self._replies.setdefault(quoted_id, {})[message_id] = sender_id

    def _unindex(self, message_id: int, body: bytes) -> None:
        for quoted_id in quotes_in(body):
            replies = self._replies.get(quoted_id)
            if replies is not None:
                replies.pop(message_id, "")
                if not replies:
                    del self._replies[quoted_id]
