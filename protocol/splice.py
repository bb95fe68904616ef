"""Frames made from the bytes of other frames: a message is encoded once, as it was sent."""

import re
from typing import Literal

import msgspec
from msgspec import UNSET

from .codec import encode
from .events import Message, MessageEdited, MessageReacted, MessageSent, Quote, Status

QUOTE_LENGTH = 140  # code points of a message that are shown where another one answers it

# A message becomes text once, as it was sent. Its later frames are cut from that text: the bare
# quotes of `"status":"send"` cannot stand inside a JSON string, so the cut is exact.
_SENT = b'"status":"send"'
_MESSAGE = b'"message":'
_STATUS = {s: b'"status":"%s"' % s.encode() for s in ("send", "delivered", "read")}
_MARK = {s: b'{"type":"mark_message_as_%s","message":' % s.encode() for s in ("delivered", "read")}


def body_of(frame: bytes) -> bytes:
    """The message inside a `chat_message` or `message_edited` frame, as text."""
    return frame[frame.index(_MESSAGE + b"{") + len(_MESSAGE) : -1]


def as_edited(frame: bytes) -> bytes:
    """Converts a `chat_message` frame to the edit frame for clients that have the message."""
    sent = msgspec.json.decode(frame, type=MessageSent)
    text = sent.message.text
    return encode(MessageEdited(sent.version, sent.message.message_id, text, sent.message))


def with_status(text: bytes, status: Status) -> bytes:
    """Returns the encoded message with its current status."""
    return text if status == "send" else text.replace(_SENT, _STATUS[status], 1)


_decode_reacted = msgspec.json.Decoder(MessageReacted).decode
_decode_message = msgspec.json.Decoder(Message).decode


def with_reactions(body: bytes, frame: bytes) -> bytes:
    """The text of a message, with the reactions that this `message_reacted` tells of."""
    reacted, message = _decode_reacted(frame), _decode_message(body)
    message.version, message.reactions = reacted.version, reacted.reactions or UNSET
    return encode(message)


def quoted_of(body: bytes) -> str:
    """Returns the excerpt of a message that is shown where another one answers it."""
    return _decode_message(body).text[:QUOTE_LENGTH]


QUOTE_START = b'"reply_to":{"message_id":'  # a message without it answers no other one
_find_quotes = re.compile(re.escape(QUOTE_START) + rb"([0-9]+),").findall


def quotes_in(body: bytes) -> list[int]:
    """Return the ids that a message may quote; where its `data` looks like a quote, more."""
    return [int(id_) for id_ in _find_quotes(body)] if QUOTE_START in body else []


def requoted(body: bytes, message_id: int, text: str | None) -> bytes:
    """The text of a message; where it answers that one, with what that one says by now."""
    if QUOTE_START + b"%d," % message_id not in body:
        return body
    message = _decode_message(body)
    quote = message.reply_to
    if not isinstance(quote, Quote) or quote.message_id != message_id:
        return body  # it stands in the data of the message
    quote.text = text
    return encode(message)


def mark(body: bytes, status: Literal["delivered", "read"]) -> bytes:
    """The `mark_message_as_…` frame of a message that is kept as text."""
    return b"".join((_MARK[status], body.replace(_SENT, _STATUS[status], 1), b"}"))
