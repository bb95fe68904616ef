"""A user's socket: its user, and its send queue."""

from ..protocol.errors import Close
from .send_queue import Batch, SendQueue


class UserSocket:
    """One open socket of a user."""

    __slots__ = ("is_revoked", "send_queue", "user_id")

    def __init__(self, user_id: str, send_queue: SendQueue) -> None:
        self.user_id = user_id
        self.send_queue = send_queue
        self.is_revoked = False  # the site has logged the user out: actions are ignored

    def put(self, *frames: bytes) -> bool:
        """Send frames in one write; return False if they wait in the send queue."""
        return self.send_queue.put(Batch(frames))

    def revoke(self) -> None:
        """Close the socket, because the site has logged its user out."""
        self.is_revoked = True
        self.send_queue.close(Close.DISCONNECTED)
