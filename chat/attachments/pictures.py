"""Reads the width and height of pictures from their headers, and checks these headers."""

import zlib
from collections.abc import Callable

from .exif import Damaged
from .heif import measure_heif
from .media_types import AVIF, GIF, HEIC, HEIF, JPEG, PNG, WEBP

MAX_PARTS = 1_000  # segments or chunks before the one with the size
MAX_BLOCKS = 100_000  # of an extension of a GIF picture
MAX_SIDE = 1 << 24

Size = tuple[int, int]


def measure(data: bytes, content_type: str) -> Size | None:
    """Return width and height in pixels, as stored; None for other files and if it is unknown.

    Raises Damaged if the header is broken or has a size that no picture can have.
    """
    find = _FINDERS.get(content_type)
    if find is None:
        return None
    size = find(data)
    if size is None and content_type in (HEIC, HEIF, AVIF):
        return None
    if size is None or not 0 < min(size) <= max(size) <= MAX_SIDE:
        raise Damaged
    return size


def _png(data: bytes) -> Size | None:
    """Read the header, check its checksum, and require pixels after it."""
    header = data[12:29]
    if data[8:16] != b"\0\0\0\x0dIHDR" or zlib.crc32(header) != _big(data[29:33]):
        return None
    at = 33
    for _ in range(MAX_PARTS):
        if data[at + 4 : at + 8] == b"IDAT":
            return _big(header[4:8]), _big(header[8:12])
        at += 12 + _big(data[at : at + 4])
    return None


def _jpeg(data: bytes) -> Size | None:
    """Read the segments up to the one with the size."""
    at = 2
    for _ in range(MAX_PARTS):
        marker = data[at + 1 : at + 2]
        if data[at : at + 1] != b"\xff":
            return None
        if marker == b"\xff":  # a fill byte
            at += 1
            continue
        if b"\xc0" <= marker <= b"\xcf" and marker not in b"\xc4\xc8\xcc":
            return _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7])
        length = _big(data[at + 2 : at + 4])
        if length < 2:
            return None
        at += 2 + length
    return None


def _gif(data: bytes) -> Size | None:
    """Read the screen's size, then the extensions up to a first picture."""
    at = 13 + palette_size(data[10:11])
    for _ in range(MAX_PARTS):
        if data[at : at + 1] == b",":
            first = _little(data[at + 5 : at + 7]), _little(data[at + 7 : at + 9])
            screen = _little(data[6:8]), _little(data[8:10])
            return screen if min(first) and min(screen) else None
        if data[at : at + 1] != b"!":
            return None
        at = _after_blocks(data, at + 2)
    return None


def palette_size(flags: bytes) -> int:
    """Return the bytes of the palette that follows these flags."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(MAX_BLOCKS):
        length = _little(data[at : at + 1])
        at += 1 + length
        if not length:
            return at
    return len(data)


def _webp(data: bytes) -> Size | None:
    """Read the size from the first chunk, which is of one of three kinds."""
    if not 12 < _little(data[4:8]) <= len(data) - 8:
        return None
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X" and len(body) == 10:
        return _little(body[4:7]) + 1, _little(body[7:10]) + 1
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = _little(body[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_FINDERS: dict[str, Callable[[bytes], Size | None]] = {
    PNG: _png,
    JPEG: _jpeg,
    GIF: _gif,
    WEBP: _webp,
    HEIC: measure_heif,
    HEIF: measure_heif,
    AVIF: measure_heif,
}
