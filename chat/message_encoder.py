"""Encodes stored messages as the frames that clients get."""

from ..protocol import codec
from ..protocol.events import MessageEdited, MessageReacted, MessageSent
from ..realtime.events import Kind
from ..realtime.send_queue import LINK_BASE
from ..store.messages import MessageRow
from .attachments.service import Attachments
from .serializers import message_of, reactions_of


class MessageEncoder:
    """Encodes the frame of a changed message, with links to its files.

    Links start with `server.public_url`, or else with LINK_BASE, which the send queue of each
    socket replaces by the address that its client has used.
    """

    def __init__(self, attachments: Attachments, public_url: str) -> None:
        self._attachments = attachments
        self._base = public_url or LINK_BASE

    def encode(self, message: MessageRow, kind: Kind) -> bytes:
        """Encode the frame for this kind of change."""
        if kind == "reacted":
            shown = reactions_of(message.reactions)
            return codec.encode(MessageReacted(message.version, message.id, shown))
        sent = message_of(message, self._attachments.link(self._base))
        if kind == "sent":
            return codec.encode(MessageSent(message.version, sent))
        return codec.encode(MessageEdited(message.version, message.id, message.text, sent))
