"""How one talks to each server: what opens a socket, what a message looks like on its way."""

from msgspec import Struct


class Wire(Struct, frozen=True):
    """Frames are told apart by their first bytes; `head` and `tail` of a chat frame are no JSON."""

    path: str
    send: bytes = (
        b'{"action":"send","message":"%08d of some length, as people write to each other."}'
    )
    chat: bytes = b'{"type":"chat_message","version":'
    delivered: bytes = b'{"type":"mark_message_as_delivered"'
    read: bytes = b'{"type":"mark_message_as_read"'
    receipt: bytes = b'{"type":"receipt"'
    head: int = 0
    tail: int | None = None
    is_compact: bool = False
    hello: bytes = b""  # what the server's first frame is answered with

    @property
    def frames(self) -> int:
        """What each socket hears of a message: it, delivered, read; or it, and a receipt."""
        return 2 if self.is_compact else 3


SEED = Wire("/ws/chat/?room_id={room}")
WIRES = {
    "seed": SEED,
    "manual": Wire("/ws/chat/?room_id={room}&receipts=manual"),
    "compact": Wire("/ws/chat/?room_id={room}&receipts=compact", is_compact=True),
    "socketio": Wire(
        "/socket.io/?EIO=4&transport=websocket",
        send=b'42["send",{"message":"%08d of some length, as people write to each other."}]',
        chat=b'42["chat_message",',
        delivered=b'42["mark_message_as_delivered",',
        read=b'42["mark_message_as_read",',
        head=len('42["chat_message",'),
        tail=-1,
        hello=b'40{"token":"%s","room":%d}',
    ),
}
