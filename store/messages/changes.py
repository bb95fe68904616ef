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
    """The change was not made; `code` is the code of a refusal."""

    code: str
    message_id: int | None = None
    text: str = ""


class Added(Struct, gc=False):
    """A message was added; `members_version` is the version of the member list."""

    message: MessageRow
    members_version: int = 0


class Repeated(Struct):
    """A repeated client_id (idempotency key): nothing was added; `message` is the first one."""

    message: MessageRow


class Edited(Struct):
    message: MessageRow
    members_version: int = 0


class Deleted(Struct):
    """A message was deleted; `sender_id` is its sender."""

    message_id: int
    version: int
    members_version: int = 0
    sender_id: str = ""


class Reacted(Struct):
    """The present reactions to a message; `is_new` is whether this change altered them."""

    message_id: int
    author_id: str
    version: int
    reactions: Sequence[ReactionRow]
    is_new: bool
    members_version: int = 0


class Acted(Struct):
    """A button that can be pressed again was pressed: the message is unchanged."""

    message: MessageRow


Outcome = Added | Repeated | Edited | Deleted | Reacted | Acted | RefusedChange


class Add(Struct, gc=False):
    """A new message; `files` are keys of its sender's uploads, links start with `base`.

    `original_text` is the sender's original text, if the host's hook has changed it.
    """

    room_id: int
    sender_id: str
    text: str
    client_id: str | None = None
    files: Sequence[str] = ()
    base: str = ""
    reply_to: int | None = None
    original_text: str | None = None
    extra: str | None = None  # JSON of an Extra
    by_site: bool = False  # the site posts it, as itself or on behalf of a member

    @property
    def text_hash(self) -> int | None:
        original_text = self.text if self.original_text is None else self.original_text
        return None if self.client_id is None else hash_of(original_text)

    def is_lost(self, quotes: Quotes) -> bool:
        """Return whether the message that it answers does not exist or is deleted."""
        quote = quotes.get((self.room_id, self.reply_to))
        return self.reply_to is not None and (quote is None or quote.text is None)

    def outcome_of_repeat(
        self, message: MessageRow, text_hash: int, *, is_deleted: bool
    ) -> Outcome:
        """Return the outcome for a repeated client_id, whose message is stored already."""
        if is_deleted:
            return RefusedChange("not_found", message.id)
        same = text_hash == self.text_hash
        return Repeated(message) if same else RefusedChange("conflict", message.id)


class EditChange(Struct):
    """An edit: a new text, or None to keep it; `patch` changes data and buttons."""

    room_id: int
    sender_id: str
    message_id: int
    text: str | None
    base: str = ""
    is_blank: bool = False  # whether the text shows nothing, which only a message with files may
    by_site: bool = False
    patch: Patch = UNCHANGED


class DeleteChange(Struct):
    """The deletion of a message; one of an erasure also works in rooms that its sender has left.

    A deletion keeps the `client_id`, so that a repeated send is answered that the message was
    deleted. An erasure removes it.
    """

    room_id: int
    sender_id: str
    message_id: int
    is_erasure: bool = False
    by_site: bool = False


class ReactionChange(Struct):
    """A reaction: add it (True), remove it (False), or toggle it (None)."""

    room_id: int
    sender_id: str
    message_id: int
    emoji: str
    on: bool | None
    most: int  # different emoji that one message may have
    is_erasure: bool = False


class ActChange(Struct):
    """A press of a button; `params` is JSON for the site alone."""

    room_id: int
    sender_id: str
    message_id: int
    id: str
    params: str | None = None
    base: str = ""


Change = Add | EditChange | DeleteChange | ReactionChange | ActChange


def is_plain(change: Change) -> TypeGuard[Add]:
    """Return whether this is a plain text: engines store many of these in one statement."""
    if not isinstance(change, Add) or change.files:
        return False
    return change.extra is None and not change.by_site


def runs(changes: Sequence[Change]) -> Iterator[list[Add] | Change]:
    """Group changes in their order: consecutive plain texts together, other changes alone."""
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
