"""A message as it is stored, and what hangs on it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..reactions import ReactionRow

QUOTED = 140  # code points of a message that are shown where another one answers it


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
    """The excerpt of a message that another one answers; no text once it is deleted."""

    message_id: int
    sender_id: str
    text: str | None


Quotes = Mapping[tuple[int, int | None], QuoteRow]  # by room and message; of others there are none


class MessageRow(Struct, gc=False):  # as all of which each message makes one: none is in a cycle
    """A row of messages, and what hangs on it; times in microseconds since 1970, UTC."""

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
        """A reaction changes the version alone."""
        return self.updated_at > self.created_at
