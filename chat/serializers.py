"""Stored rows as clients see them."""

from collections.abc import Callable, Sequence

from msgspec import UNSET, UnsetType

from ..protocol import events
from ..protocol.events import Status
from ..protocol.ids import when, wire_user
from ..store.messages import Attachment, Message, Quote, Reacted
from ..store.reactions import Reaction

Link = Callable[[Attachment], str]  # an attachment's signed URL


def message_of(row: Message, link: Link, status: Status = "send") -> events.Message:
    """A stored message as clients see it."""
    return events.Message(
        row.text,
        row.id,
        wire_user(row.sender_id),
        status,
        when(row.created_at),
        when(row.updated_at),
        [_attachment_of(file, link) for file in row.attachments] if row.attachments else [],
        row.room_id,
        row.version,
        UNSET if row.client_id is None else row.client_id,
        UNSET if row.quote is None else _quote_of(row.quote),
        reactions_of(row.reactions) if row.reactions else UNSET,
    )


def summaries_of(files: Sequence[Attachment]) -> list[events.FileSummary] | UnsetType:
    """The files of a message that is only mentioned."""
    return [events.FileSummary(f.name, f.content_type, f.size) for f in files] or UNSET


def _attachment_of(file: Attachment, link: Link) -> events.Attachment:
    return events.Attachment(
        link(file),
        file.name,
        file.content_type,
        file.size,
        UNSET if file.width is None else file.width,
        UNSET if file.height is None else file.height,
    )


def _quote_of(quote: Quote) -> events.Quote:
    return events.Quote(quote.message_id, wire_user(quote.sender_id), quote.text)


def reactions_of(rows: Sequence[Reaction]) -> list[events.Reaction]:
    """The reactions to a message, as in the message and in `message_reacted`."""
    return [
        events.Reaction(row.emoji, len(row.user_ids), [wire_user(user) for user in row.user_ids])
        for row in rows
    ]


def reacted_of(reacted: Reacted) -> events.MessageReacted:
    """The frame of a changed reaction."""
    shown = reactions_of(reacted.reactions)
    return events.MessageReacted(reacted.version, reacted.message_id, shown)
