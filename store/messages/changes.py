"""Changes to the messages of a room, and their outcomes."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeGuard

from msgspec import Struct

from ..reactions import ReactionRow
from .extra import Patch
from .model import MessageRow, Quotes

UNCHANGED = Patch()


class RefusedChange(Struct):
    """The change was not made: `code` is one of the refusals' codes."""

    code: str
    message_id: int | None = None
    says: str = ""


class Added(Struct, gc=False):
    """`roster` is the room's, in this and the other outcomes: under it the change was made."""

    message: MessageRow
    roster: int = 0


class Repeated(Struct):
    """A repeated client_id (idempotency key): nothing was added; this is the message."""

    message: MessageRow


class Edited(Struct):
    message: MessageRow
    roster: int = 0


class Deleted(Struct):
    """`sender_id` is who had sent the message."""

    message_id: int
    version: int
    roster: int = 0
    sender_id: str = ""


class Reacted(Struct):
    """The reactions to a message as they are now; `is_new` where this change made them so."""

    message_id: int
    author_id: str
    version: int
    reactions: Sequence[ReactionRow]
    is_new: bool
    roster: int = 0


class Acted(Struct):
    """A button was pressed that stays: the message is as it was."""

    message: MessageRow


Outcome = Added | Repeated | Edited | Deleted | Reacted | Acted | RefusedChange


class Add(Struct, gc=False):
    """A new message; `files` are keys of its sender's uploads, `base` is where links start.

    `said` is the sender's own text, where the host had it changed.
    """

    room_id: int
    sender_id: str
    text: str
    client_id: str | None = None
    files: Sequence[str] = ()
    base: str = ""
    reply_to: int | None = None
    said: str | None = None
    extra: str | None = None  # JSON of an Extra
    by_site: bool = False  # also in the name of a member

    @property
    def text_hash(self) -> int | None:
        said = self.text if self.said is None else self.said
        return None if self.client_id is None else hash_of(said)

    def is_lost(self, quotes: Quotes) -> bool:
        """Whether the message that it answers does not exist, or is deleted."""
        quote = quotes.get((self.room_id, self.reply_to))
        return self.reply_to is not None and (quote is None or quote.text is None)

    def outcome_of_repeat(
        self, message: MessageRow, text_hash: int, *, is_deleted: bool
    ) -> Outcome:
        """Return the outcome for a repeated client_id, stored as `message` already."""
        if is_deleted:
            return RefusedChange("not_found", message.id)
        same = text_hash == self.text_hash
        return Repeated(message) if same else RefusedChange("conflict", message.id)


class EditChange(Struct):
    """Another text, or (None) the one that it has; `patch` changes what stands beside it."""

    room_id: int
    sender_id: str
    message_id: int
    text: str | None
    base: str = ""
    is_blank: bool = False  # whether the text shows nothing: then only files can stand for it
    by_site: bool = False
    patch: Patch = UNCHANGED


class DeleteChange(Struct):
    """An erasure also reaches into rooms that the sender has left, and leaves no `client_id`.

    Otherwise the `client_id` stays: sent again, it says that the message was deleted.
    """

    room_id: int
    sender_id: str
    message_id: int
    is_erasure: bool = False
    by_site: bool = False


class ReactionChange(Struct):
    """The sender's reaction: there, not there, or (None) the other of the two."""

    room_id: int
    sender_id: str
    message_id: int
    emoji: str
    on: bool | None
    most: int  # different emoji that one message may have
    is_erasure: bool = False


class ActChange(Struct):
    """Somebody presses a button; `params` is JSON, for the site alone."""

    room_id: int
    sender_id: str
    message_id: int
    id: str
    params: str | None = None
    base: str = ""


Change = Add | EditChange | DeleteChange | ReactionChange | ActChange


def is_plain(change: Change) -> TypeGuard[Add]:
    """A text and nothing else: what the engines store many of in one statement."""
    if not isinstance(change, Add) or change.files:
        return False
    return change.extra is None and not change.by_site


def runs(changes: Sequence[Change]) -> Iterator[list[Add] | Change]:
    """Group changes in their order: plain texts in a row together, others alone."""
    plain: list[Add] = []
    for change in changes:
        if is_plain(change):
            plain.append(change)
            continue
        if plain:
            yield plain
        plain = []
        yield change
    if plain:
        yield plain


def hash_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
