"""Rows become the frames that clients get."""

from ..protocol import codec
from ..protocol.events import MessageEdited, MessageReacted, MessageSent
from ..realtime.room import Kind
from ..store.messages import Message
from .attachments.service import Attachments
from .serializers import message_of, reactions_of


class MessageEncoder:
    """Encodes the frame of a changed message, with links to its files."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    def encode(self, message: Message, kind: Kind, base: str) -> bytes:
        """The frame that tells of this kind of change; links start with `base`."""
        if kind == "reacted":
            shown = reactions_of(message.reactions)
            return codec.encode(MessageReacted(message.version, message.id, shown))
        said = message_of(message, self._attachments.link(base))
        if kind == "sent":
            return codec.encode(MessageSent(message.version, said))
        return codec.encode(MessageEdited(message.version, message.id, message.text, said))
