"""Frames made from the bytes of other frames, since a message is encoded only once."""

import re
from typing import Literal

import msgspec
from msgspec import UNSET

from .codec import encode
from .events import Message, MessageEdited, MessageReacted, MessageSent, Quote, Status

QUOTE_LENGTH = 140  # code points of a message that its replies show

# A message becomes text once, as it was sent. Its later frames are cut from that text: the bare
# quotes of `"status":"send"` cannot stand inside a JSON string, so the cut is exact.
_SENT = b'"status":"send"'
_MESSAGE = b'"message":'
_STATUS = {s: b'"status":"%s"' % s.encode() for s in ("send", "delivered", "read")}
_MARK = {s: b'{"type":"mark_message_as_%s","message":' % s.encode() for s in ("delivered", "read")}


def body_of(frame: bytes) -> bytes:
    """Return the encoded message of a `chat_message` or `message_edited` frame."""
    return frame[frame.index(_MESSAGE + b"{") + len(_MESSAGE) : -1]


def as_edited(frame: bytes) -> bytes:
    """Convert a `chat_message` frame to the edit frame for clients that have the message."""
    sent = msgspec.json.decode(frame, type=MessageSent)
    text = sent.message.text
    return encode(MessageEdited(sent.version, sent.message.message_id, text, sent.message))


def with_status(text: bytes, status: Status) -> bytes:
    """Return the encoded message with its current status."""
    return text if status == "send" else text.replace(_SENT, _STATUS[status], 1)


_decode_reacted = msgspec.json.Decoder(MessageReacted).decode
_decode_message = msgspec.json.Decoder(Message).decode


def with_reactions(body: bytes, frame: bytes) -> bytes:
    """Return the encoded message with the reactions of this `message_reacted` frame."""
    reacted, message = _decode_reacted(frame), _decode_message(body)
    message.version, message.reactions = reacted.version, reacted.reactions or UNSET
    return encode(message)


def quoted_of(body: bytes) -> str:
    """Return the excerpt of a message for its replies."""
    return _decode_message(body).text[:QUOTE_LENGTH]


QUOTE_START = b'"reply_to":{"message_id":'  # a message without it is no reply
_find_quotes = re.compile(re.escape(QUOTE_START) + rb"([0-9]+),").findall


def quotes_in(body: bytes) -> list[int]:
    """Return the ids that a message may quote; more if its `data` looks like a quote."""
    return [int(id_) for id_ in _find_quotes(body)] if QUOTE_START in body else []


def requoted(body: bytes, message_id: int, text: str | None) -> bytes:
    """Return the encoded message; if it is a reply to that one, with the current quote."""
    if QUOTE_START + b"%d," % message_id not in body:
        return body
    message = _decode_message(body)
    quote = message.reply_to
    if not isinstance(quote, Quote) or quote.message_id != message_id:
        return body  # the quote is in the message's `data`
    quote.text = text
    return encode(message)


def mark(body: bytes, status: Literal["delivered", "read"]) -> bytes:
    """Return the `mark_message_as_…` frame of an encoded message."""
    return b"".join((_MARK[status], body.replace(_SENT, _STATUS[status], 1), b"}"))
