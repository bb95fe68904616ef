"""A reader of WebSocket frames (RFC 6455): from bytes to whole messages and control frames.

It does no I/O and returns one frame at a time: the caller decides whether to read another.
"""

import struct
from codecs import utf_8_decode
from enum import IntEnum

from websockets.frames import apply_mask  # type: ignore[attr-defined] # in C, where that was built

FINAL, MASKED, RESERVED = 0x80, 0x80, 0x70  # bits of a frame's first two bytes
SHORT = MASKED + 126  # the second byte of a masked frame with at least 126 bytes, or more
PLAIN_TEXT = 0x81  # the first byte of a text in one frame
MAX_CONTROL_SIZE = 125  # bytes that a control frame may carry
INVALID_CODES = {1004, 1005, 1006, 1015}  # reserved: no frame may have them


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


# Bound once: looking up a member of an enumeration costs more than the comparison.
CONTINUATION, TEXT, BINARY = int(Opcode.CONTINUATION), int(Opcode.TEXT), int(Opcode.BINARY)
CLOSE, PING, PONG = int(Opcode.CLOSE), int(Opcode.PING), int(Opcode.PONG)
OPCODES = frozenset(Opcode)


class FrameError(Exception):
    """The peer broke the protocol; the connection must be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def protocol_error(reason: str) -> FrameError:
    return FrameError(1002, reason)


class FrameReader:
    """Parses the bytes received on one connection into WebSocket frames (RFC 6455, section 5.2)."""

    __slots__ = ("_data", "_is_text", "_max_size", "_message", "_need", "_pos", "_undecoded")

    def __init__(self, max_size: int) -> None:
        self._max_size = max(max_size, MAX_CONTROL_SIZE)
        self._data: bytes | bytearray = b""
        self._pos = 0
        self._need = 2  # bytes without which the next frame can't be read
        self._message: bytearray | None = None  # the fragments of an unfinished message
        self._is_text = False  # whether that message is a text
        self._undecoded = b""  # the beginning of a character at the end of its last fragment

    @property
    def buffered(self) -> int:
        """The bytes that have not been read."""
        return len(self._data) - self._pos

    @property
    def held(self) -> int:
        """All bytes in memory: those, and the fragments of an unfinished message."""
        return len(self._data) - self._pos + len(self._message or b"")

    def feed(self, data: bytes) -> None:
        if self._pos == len(self._data):
            self._data = data
        elif isinstance(self._data, bytearray):
            del self._data[: self._pos]
            self._data += data
        else:
            self._data = bytearray(self._data[self._pos :])
            self._data += data
        self._pos = 0

    def clear(self) -> None:
        """Drop all bytes, because the connection has ended."""
        self._data, self._pos, self._message, self._undecoded = b"", 0, None, b""

    def next(self) -> tuple[int, bytes] | None:
        """Return the next frame as its opcode and content, or None if it is incomplete.

        A message of several fragments comes as one TEXT or BINARY with its last fragment; each
        fragment before it comes as a CONTINUATION. Raises FrameError.
        """
        data, pos = self._data, self._pos
        if len(data) - pos < self._need:
            return None
        first, second = data[pos], data[pos + 1]
        if first == PLAIN_TEXT and MASKED <= second < SHORT and self._message is None:
            # Nearly all frames are short texts in one frame, for which this takes half the time.
            start = pos + 6
            end = start + second - MASKED
            if end <= len(data) and type(data) is bytes:
                content = apply_mask(data[start:end], data[pos + 2 : start])
                if content.isascii():
                    self._advance(end)
                    return TEXT, content
        return self._next_of_any(first, second)

    def _next_of_any(self, first: int, second: int) -> tuple[int, bytes] | None:
        self._check_head(first, second)
        data, pos = self._data, self._pos
        size, start = second & 0x7F, pos + 6
        if size >= 126:
            start += 2 if size == 126 else 8
            if len(data) < start - 4:
                self._need = start - 4 - pos
                return None
            size = int.from_bytes(data[pos + 2 : start - 4], "big")
        if size + len(self._message or b"") > self._max_size and first & 0x0F < CLOSE:
            raise FrameError(1009, f"over the limit of {self._max_size} bytes")
        end = start + size
        if len(data) < end:
            self._need = end - pos
            return None
        with memoryview(data) as view, view[start:end] as masked:
            content = apply_mask(masked, bytes(view[start - 4 : start]))
        self._advance(end)
        return self._frame(first, content)

    def _advance(self, end: int) -> None:
        self._need = 2
        if end == len(self._data):
            self._data, self._pos = b"", 0  # a large buffer is released at once
        else:
            self._pos = end

    def _check_head(self, first: int, second: int) -> None:
        """Check a frame's first two bytes by the rules of 5.2 to 5.5. Raises FrameError."""
        opcode = first & 0x0F
        if opcode not in OPCODES:
            raise protocol_error("invalid opcode")
        if first & RESERVED:
            raise protocol_error("reserved bits must be 0")
        if second < MASKED:
            raise protocol_error("a client's frames must be masked")
        if opcode >= CLOSE:
            if second & 0x7F > MAX_CONTROL_SIZE:
                raise protocol_error("control frame too long")
            if first < FINAL:
                raise protocol_error("fragmented control frame")
        elif (opcode == CONTINUATION) != (self._message is not None):
            expected = "unexpected" if self._message is None else "expected a"
            raise protocol_error(f"{expected} continuation frame")

    def _frame(self, first: int, content: bytes) -> tuple[int, bytes]:
        opcode, is_final = first & 0x0F, first >= FINAL
        if opcode >= CLOSE:
            return opcode, content
        if self._message is None and is_final:
            if opcode == TEXT and not content.isascii():
                check_text(content)
            return opcode, content
        return self._add_fragment(opcode, content, is_final=is_final)

    def _add_fragment(self, opcode: int, content: bytes, *, is_final: bool) -> tuple[int, bytes]:
        if self._message is None:
            self._message, self._is_text = bytearray(), opcode == TEXT
        if self._is_text:
            self._undecoded = check_text(self._undecoded + content, is_final=is_final)
        self._message += content
        if not is_final:
            return CONTINUATION, content
        message, self._message = bytes(self._message), None
        return (TEXT if self._is_text else BINARY), message


def check_text(content: bytes, *, is_final: bool = True) -> bytes:
    """Return the bytes of an incomplete character at the end of a fragment.

    Raises FrameError for invalid UTF-8.
    """
    try:
        _, used = utf_8_decode(content, "strict", is_final)
    except UnicodeDecodeError as error:
        raise FrameError(1007, f"not UTF-8: {error.reason}") from None
    return content[used:]


# ---------------------------------------------------------------- output, and close frames


def head_of(opcode: int, size: int) -> bytes:
    """Return the header of a final, unmasked frame of `size` bytes (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((FINAL | opcode, size))
    if size < 65_536:
        return struct.pack("!BBH", FINAL | opcode, 126, size)
    return struct.pack("!BBQ", FINAL | opcode, 127, size)


def frame_of(opcode: int, content: bytes) -> bytes:
    return head_of(opcode, len(content)) + content


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; its reason is cut to the size of a control frame."""
    content = reason.encode()[: MAX_CONTROL_SIZE - 2].decode(errors="ignore").encode()
    return frame_of(CLOSE, struct.pack("!H", code) + content)


def read_close(content: bytes) -> tuple[int, str]:
    """Return the code and reason of a close frame; 1005 if it has no code. Raises FrameError."""
    if not content:
        return 1005, ""
    if len(content) == 1:
        raise protocol_error("a close frame of one byte")
    code = int.from_bytes(content[:2], "big")
    if not (1000 <= code < 1016 or 3000 <= code < 5000) or code in INVALID_CODES:
        raise protocol_error("invalid close code")
    check_text(content[2:])
    return code, content[2:].decode()
