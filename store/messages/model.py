"""A message as it is stored, with its attachments, quote and reactions."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..reactions import ReactionRow

QUOTE_LENGTH = 140  # code points of a message in the quote of its reply


class AttachmentRow(Struct, frozen=True):
    """A file of a message; `key` is its object in the bucket, `size` in bytes.

    Width and height are the pixels of a picture as it is shown; None for everything else.
    """

    key: str
    name: str
    content_type: str
    size: int
    width: int | None = None
    height: int | None = None


class QuoteRow(Struct, frozen=True):
    """The excerpt of a message in a reply to it; the text is None once it is deleted."""

    message_id: int
    sender_id: str
    text: str | None


Quotes = Mapping[tuple[int, int | None], QuoteRow]  # by room and message; missing if unknown


class MessageRow(Struct, gc=False):  # never part of a reference cycle
    """A row of messages with its related rows; times in microseconds since 1970, UTC."""

    id: int
    room_id: int
    sender_id: str
    text: str
    created_at: int
    updated_at: int
    version: int
    client_id: str | None = None
    reply_to: int | None = None
    extra: str | None = None  # JSON of an Extra
    attachments: Sequence[AttachmentRow] = ()
    quote: QuoteRow | None = None
    reactions: Sequence[ReactionRow] = ()

    @property
    def is_edited(self) -> bool:
        """Whether the text was edited; a reaction changes the version, but not `updated_at`."""
        return self.updated_at > self.created_at
