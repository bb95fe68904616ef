"""Ends a connection so that the peer can still read the last bytes sent."""

import asyncio

SILENCE_TIMEOUT = 0.1  # seconds without a byte after which our side of the connection is closed
LINGER_TIMEOUT = 2.0  # seconds until the connection is aborted, whatever the peer does


class Linger:
    """Discards further input, because closing with unread input would send a reset to the peer.

    After 100 ms without input the connection is half-closed, so that a waiting peer sees its end;
    after two seconds (or the given limit) it is aborted.
    """

    __slots__ = ("_deadline", "_has_ended", "_loop", "_timer", "_transport", "has_received")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        limit: float | None = None,
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._deadline = loop.time() + (LINGER_TIMEOUT if limit is None else limit)
        self._has_ended = False
        self.has_received = False  # set by the protocol at each byte that comes in
        self._timer = loop.call_later(SILENCE_TIMEOUT, self._check)

    def cancel(self) -> None:
        """Stop, because the connection is lost."""
        self._timer.cancel()

    def _check(self) -> None:
        if self._loop.time() >= self._deadline:
            return self._transport.abort()
        if not (self.has_received or self._has_ended):
            self._has_ended = True
            self._half_close()
        self.has_received = False
        self._timer = self._loop.call_later(SILENCE_TIMEOUT, self._check)
        return None

    def _half_close(self) -> None:
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:  # TLS can't be half-closed
            self._transport.close()
