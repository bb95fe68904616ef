"""uvicorn's HTTP protocol with limits for heads, time, pipelined requests and connections.

A request that is refused before the app is called is answered and logged, and its connection ends.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..realtime.connection_limits import ConnectionLimits
from .http_refusal import BAD_REQUEST, RefusedRequest, answer_of, fault_of_head, too_large
from .linger import Linger
from .websocket_protocol import WebSocketProtocol, report_refused

MAX_HEAD_SIZE = 1 << 16  # bytes of a request line and its headers
MAX_HEADER_COUNT = 100
HEAD_TIMEOUT = 10.0  # seconds for a head to come in
END_OF_HEAD = b"\r\n\r\n"
BODY_PIECE_SIZE = 1 << 12  # bytes of a body of unknown length that are parsed at a time
# Bytes of a body that are read after an answer, to keep the connection.
MAX_DISCARDED_BODY_SIZE = 1 << 16
# Seconds in which a larger one is discarded, so that the answer is read.
UPLOAD_DISCARD_TIMEOUT = 10.0
SLICE_SIZE = 1 << 16  # bytes after which other connections have their turn
MIN_COUNTED_SIZE = 1 << 9  # bytes as which a smaller piece is counted in a slice
MAX_SENT_AHEAD = 4  # requests that a client sent ahead of their answers, after which
PIPELINE_PAUSE = 0.02  # seconds its next one waits: others' messages take several turns of the loop
MAX_UNREAD_SIZE = 1 << 20  # bytes that may come in while a response is under way


class StopParsing(Exception):
    """Raised to leave the parser, which hides the exceptions of its callbacks."""


class HttpProtocol(HttpToolsProtocol):
    """Handles one request at a time; of pipelined requests, little is read ahead."""

    transport: asyncio.Transport
    _unread: bytes = b""
    _is_head = True  # whether a head is coming in, or nothing yet
    _has_begun = False  # whether the first byte of a head has come in
    _is_scheduled = False
    _sent_ahead = 0  # requests that came before the answer to the one before them
    _body_left: int | None = 0  # bytes of a body that are still to come; None if unknown
    _keeps_alive = True  # as the client asked for
    _linger: Linger | None = None
    _refused: RefusedRequest | None = None  # set in a callback, whose exceptions are hidden
    _on_lost: Callable[[], None] | None = None

    # ------------------------------------------------------------ the connection

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_size = self._header_count = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)
        limits: ConnectionLimits | None = getattr(self.config, "connection_limits", None)
        if limits is not None:
            address = self.client[0] if self.client else None
            reason = limits.enter(address, len(self.connections))
            if reason is None:
                self._on_lost = lambda: limits.leave(address)
            else:
                self._refuse(RefusedRequest(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", reason))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.cycle is not None:
            self.cycle.transport = self.transport  # ours would be a reference cycle
        self._head_timer.cancel()
        if self._linger is not None:
            self._linger.cancel()
        self._unread = b""
        if self._on_lost is not None:
            self._on_lost()
            self._on_lost = None

    def _head_timed_out(self) -> None:
        if self._has_begun:
            reason = f"the head did not come in within {HEAD_TIMEOUT:g} s"
            self._refuse(RefusedRequest(HTTPStatus.REQUEST_TIMEOUT, "invalid_frame", reason))
        else:  # browsers open connections in advance, and take an answer there for an error
            self.transport.close()

    # ------------------------------------------------------------ input

    def data_received(self, data: bytes) -> None:
        if self._linger is not None:
            self._linger.has_received = True
            return
        self._unset_keepalive_if_required()
        self._unread = self._unread + data if self._unread else data
        if not self._is_scheduled:
            self._parse()
        if len(self._unread) > MAX_UNREAD_SIZE:
            self.transport.abort()

    @property
    def _is_busy(self) -> bool:
        """Return whether a complete request is being answered."""
        cycle = self.cycle
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def _parse(self) -> None:
        self._is_scheduled = False
        left = SLICE_SIZE
        while self._unread and self.parser is not None and self._linger is None:
            if self._is_busy or left <= 0:
                self.flow.pause_reading()
                if not self._is_busy:
                    self._parse_later()
                return
            piece = self._next_piece()
            self._unread = self._unread[len(piece) :]
            left -= max(len(piece), MIN_COUNTED_SIZE)
            self._feed(piece)

    def _parse_later(self, pause: float = 0) -> None:
        if self._is_scheduled:
            return
        self._is_scheduled = True
        if pause:
            self.loop.call_later(pause, self._parse_and_read)
        else:
            self.loop.call_soon(self._parse_and_read)

    def _parse_and_read(self) -> None:
        if self.parser is not None and not self.transport.is_closing():
            self.flow.resume_reading()
            self._parse()

    def _next_piece(self) -> bytes:
        """Return the next piece of input, with bytes of one request only as far as possible."""
        if self._is_head:
            end = self._unread.find(END_OF_HEAD)
            piece = self._unread if end < 0 else self._unread[: end + len(END_OF_HEAD)]
            return piece[: MAX_HEAD_SIZE + 1 - self._head_size]
        return self._unread[: BODY_PIECE_SIZE if self._body_left is None else self._body_left]

    def _feed(self, piece: bytes) -> None:
        if self._is_head:
            self._has_begun = True
            self._head_size += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError as error:
            self._refuse(self._refused or RefusedRequest(BAD_REQUEST, "invalid_frame", f"{error}"))
        else:
            if self._is_head and self._head_size > MAX_HEAD_SIZE:
                self._refuse(too_large(f"a head of over {MAX_HEAD_SIZE} bytes"))

    def _upgrade(self) -> None:
        if not self._should_upgrade():
            self._unsupported_upgrade_warning()
            self.cycle.keep_alive = False  # the parser takes the rest for another protocol
            return
        self._head_timer.cancel()
        rest, self._unread = self._unread, b""
        self.handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment] # as at the end: they are a reference cycle
        protocol = self.transport.get_protocol()
        assert isinstance(protocol, WebSocketProtocol)
        protocol.on_lost, self._on_lost = self._on_lost, None
        if rest:
            protocol.data_received(rest)

    # ------------------------------------------------------------ callbacks of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_count = 0
        if self._head_timer.cancelled():  # another request on the same connection
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > MAX_HEADER_COUNT:
            self._refused = too_large(f"over {MAX_HEADER_COUNT} headers")
            raise StopParsing
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_timer.cancel()
        found = dict(self.headers)
        self._body_left = None if b"transfer-encoding" in found else 0
        if b"content-length" in found:
            self._body_left = int(found[b"content-length"])
        fault = fault_of_head(
            [name for name, _ in self.headers],
            self.parser.get_http_version(),
            is_handshake=self.parser.should_upgrade() and self._should_upgrade(),
            has_body=self._body_left != 0,
        )
        if fault is not None:
            self._refused = fault  # not raised: the traceback would be a reference cycle
            raise StopParsing
        self._is_head, self._head_size = False, 0
        super().on_headers_complete()
        if self.cycle is not None and not self.parser.should_upgrade():
            self._keeps_alive = self.cycle.keep_alive
            self.cycle.transport = cast(asyncio.Transport, ResponseTransport(self))
            if self._body_left is None or self._body_left > MAX_DISCARDED_BODY_SIZE:
                self.cycle.keep_alive = False  # until the body has come in

    def on_body(self, body: bytes) -> None:
        if self._body_left is not None:
            self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_head, self._has_begun = True, False
        self._head_timer.cancel()
        super().on_message_complete()
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive

    # ------------------------------------------------------------ the end

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._linger is not None:
            self._unset_keepalive_if_required()
        elif not self._is_head:  # the rest of its body is still coming in
            self._unset_keepalive_if_required()
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)
        if self._unread:
            self._sent_ahead += 1
            self._parse_later(PIPELINE_PAUSE if self._sent_ahead % MAX_SENT_AHEAD == 0 else 0)

    def close(self) -> None:
        """End the connection after a response; closing while the client sends would be a reset."""
        if self._is_head and not self._unread:
            self.transport.close()
        else:
            self._start_lingering(UPLOAD_DISCARD_TIMEOUT)

    def _refuse(self, refused: RefusedRequest) -> None:
        client = self.client[0] if self.client else "unknown"
        report_refused(self.config, refused.status.value, client, refused.reason)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(answer_of(refused))
        self._start_lingering()

    def _start_lingering(self, limit: float | None = None) -> None:
        self._head_timer.cancel()
        self._unread = b""
        if self._linger is None:
            self._linger = Linger(self.loop, self.transport, limit)
        self.flow.resume_reading()


class ResponseTransport:
    """The transport that uvicorn writes a response to; the protocol decides when it ends."""

    __slots__ = ("_protocol", "is_closing", "write")

    def __init__(self, protocol: HttpProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.close()
