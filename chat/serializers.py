"""Converts stored rows to the objects that clients get."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import UNSET, Raw, UnsetType

from ..protocol import events
from ..protocol.events import Status
from ..protocol.ids import when, wire_user
from ..store.messages import AttachmentRow, MessageRow, QuoteRow, Reacted, extra
from ..store.messages.extra import SITE
from ..store.reactions import ReactionRow

Link = Callable[[AttachmentRow], str]  # an attachment's signed URL


def message_of(row: MessageRow, link: Link, status: Status = "send") -> events.Message:
    """Return a stored message as clients get it."""
    return events.Message(
        row.text,
        row.id,
        sender_of(row.sender_id),
        status,
        when(row.created_at),
        when(row.updated_at),
        [_attachment_of(file, link) for file in row.attachments] if row.attachments else [],
        row.room_id,
        row.version,
        UNSET if row.client_id is None else row.client_id,
        UNSET if row.quote is None else _quote_of(row.quote),
        reactions_of(row.reactions) if row.reactions else UNSET,
        kind_of(row.sender_id),
        *(_beside(row.extra) if row.extra is not None else ()),
    )


def sender_of(sender_id: str) -> int | str | None:
    """Return the sender of a message; None for the site itself."""
    return wire_user(sender_id) if sender_id != SITE else None


def kind_of(sender_id: str) -> Literal["system"] | UnsetType:
    """Return `system` for a message of the site itself, else UNSET."""
    return UNSET if sender_id != SITE else "system"


def _beside(
    column: str,
) -> tuple[Raw | UnsetType, list[events.Button] | UnsetType, events.Chosen | UnsetType]:
    """Return data, open buttons and the chosen button of a message; UNSET for missing ones."""
    has = extra.read(column)
    buttons: list[events.Button] | UnsetType = UNSET
    if has.actions is not UNSET and has.chosen is UNSET:
        buttons = [events.Button(b.label, *_of_button(b)) for b in has.actions]
    chosen: events.Chosen | UnsetType = UNSET
    if has.chosen is not UNSET:
        by = wire_user(has.chosen.user_id)
        chosen = events.Chosen(has.chosen.id, by, when(has.chosen.at))
    return has.data, buttons, chosen


def _of_button(button: extra.StoredButton) -> tuple[Any, ...]:
    once = True if button.once else None
    fields = (button.id, button.style, once, button.url)
    return tuple(UNSET if value is None else value for value in fields)


def summaries_of(files: Sequence[AttachmentRow]) -> list[events.FileSummary] | UnsetType:
    """Return the files of a message in a list or a notification; UNSET without files."""
    return [events.FileSummary(f.name, f.content_type, f.size) for f in files] or UNSET


def _attachment_of(file: AttachmentRow, link: Link) -> events.Attachment:
    return events.Attachment(
        link(file),
        file.name,
        file.content_type,
        file.size,
        UNSET if file.width is None else file.width,
        UNSET if file.height is None else file.height,
    )


def _quote_of(quote: QuoteRow) -> events.Quote:
    return events.Quote(quote.message_id, sender_of(quote.sender_id), quote.text)


def reactions_of(rows: Sequence[ReactionRow]) -> list[events.Reaction]:
    """Return the reactions to a message, as in the message and in `message_reacted`."""
    return [
        events.Reaction(row.emoji, len(row.user_ids), [wire_user(user) for user in row.user_ids])
        for row in rows
    ]


def reacted_of(reacted: Reacted) -> events.MessageReacted:
    """Return the event of a changed reaction."""
    shown = reactions_of(reacted.reactions)
    return events.MessageReacted(reacted.version, reacted.message_id, shown)
