"""Removes the metadata of pictures (place, time, camera, author) without decoding them.

It keeps what a picture needs to look right: its orientation, colour profile and animation.
"""

import re
import zlib
from collections.abc import Callable

from .exif import UPRIGHT_ORIENTATION, Cleaned, Damaged, read_orientation, write_orientation
from .heif import clean_heif, clean_movie
from .media_types import AVIF, GIF, HEIC, HEIF, JPEG, MP4, PNG, QUICKTIME, VIDEO_3GPP, WEBP
from .pieces import PIECE_SIZE, pieces

MAX_SEGMENTS = 10_000  # of a JPEG picture
MAX_CHUNKS = 100_000  # of a PNG or WEBP picture, the smallest of 12 bytes
MAX_BLOCKS = 150_000  # of a GIF picture; of the usual 255 bytes they exceed the largest file


def clean(data: bytes, content_type: str) -> Cleaned:
    """Return a picture or video of this type without its metadata, and its orientation.

    Other types, and files without metadata, are returned unchanged, so cleaning a file again
    changes nothing. Raises Damaged if the structure is broken.
    """
    cleaner = _CLEANERS.get(content_type)
    return Cleaned(data) if cleaner is None else cleaner(data)


# ---------------------------------------------------------------- JPEG (ITU-T T.81, B.1)

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # one with a length, or the end
_SCAN, _END = 0xDA, 0xD9
_EXIF = b"Exif\0\0"
_KEPT_SEGMENTS = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))


def _clean_jpeg(data: bytes) -> Cleaned:
    parts, orientation, at = [data[:2]], UPRIGHT_ORIENTATION, 2
    for _ in range(MAX_SEGMENTS):
        at = _find_marker(data, at)
        marker = data[at + 1] if at + 1 < len(data) else _END
        if marker == _END:
            parts.append(data[at : at + 2] + _rest(data, at + 2))
            return _finish(data, _with_exif(parts, orientation), orientation)
        end = at + 2 + _big(data[at + 2 : at + 4])
        body = data[at + 4 : end]
        if marker == _SCAN:
            end = _find_marker(data, end)
        if marker == 0xE1 and body.startswith(_EXIF) and orientation == UPRIGHT_ORIENTATION:
            orientation = read_orientation(body[6:])
        if _is_kept(marker, body):
            parts.append(data[at:end])
        at = max(end, at + 2)
    raise Damaged


def _find_marker(data: bytes, at: int) -> int:
    """Return the offset of the next marker, after fill bytes and other bytes to skip."""
    for start in pieces(len(data), at):
        if found := _MARKER.search(data, start, start + PIECE_SIZE + 1):
            return found.start()
    return len(data)


def _is_kept(marker: int, body: bytes) -> bool:
    if marker == 0xFE:  # a comment
        return False
    is_application = 0xE0 <= marker <= 0xEF
    return not is_application or any(marker == m and body.startswith(b) for m, b in _KEPT_SEGMENTS)


def _with_exif(parts: list[bytes], orientation: int) -> list[bytes]:
    """Insert the orientation after the JFIF segment, which must come first."""
    if orientation == UPRIGHT_ORIENTATION:
        return parts
    body = _EXIF + write_orientation(orientation)
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    first = 2 if len(parts) > 1 and parts[1][:2] == b"\xff\xe0" else 1
    return [*parts[:first], segment, *parts[first:]]


# ---------------------------------------------------------------- PNG (third edition, 5 and 11)

_KEPT_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs sPLT hIST"
    b" acTL fcTL fdAT".split()
)


def _clean_png(data: bytes) -> Cleaned:
    parts, orientation, at, kept_from = list[bytes](), UPRIGHT_ORIENTATION, 8, 0
    for _ in range(MAX_CHUNKS):
        kind = data[at + 4 : at + 8]
        end = at + 12 + _big(data[at : at + 4])
        if kind == b"IEND" or end > len(data) or len(kind) < 4:
            is_kept = kind in (b"IEND", b"IDAT", b"fdAT")
            parts.append(data[kept_from : end if is_kept else at] + _rest(data, end))
            return _finish(data, _with_chunk(parts, orientation), orientation)
        if kind not in _KEPT_CHUNKS:
            parts.append(data[kept_from:at])
            kept_from = end
            if kind == b"eXIf" and orientation == UPRIGHT_ORIENTATION:
                orientation = read_orientation(data[at + 8 : end - 4])
        at = end
    raise Damaged


def _with_chunk(parts: list[bytes], orientation: int) -> list[bytes]:
    """Insert the orientation after the header, which has a fixed size."""
    if orientation == UPRIGHT_ORIENTATION:
        return parts
    body = b"eXIf" + write_orientation(orientation)
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    whole = b"".join(parts)
    return [whole[:33], chunk, whole[33:]]


# ---------------------------------------------------------------- WEBP (RFC 9649)

_KEPT_WEBP = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def _clean_webp(data: bytes) -> Cleaned:
    parts, orientation, at = list[bytes](), UPRIGHT_ORIENTATION, 12
    end_of_file = min(8 + _little(data[4:8]), len(data))
    for _ in range(MAX_CHUNKS):
        if at + 8 > end_of_file:
            parts = [_webp_of(parts, orientation), _rest(data, end_of_file)]
            return _finish(data, parts, orientation)
        kind, size = data[at : at + 4], _little(data[at + 4 : at + 8])
        end = min(at + 8 + size + (size & 1), end_of_file)
        if kind == b"EXIF":
            body = data[at + 8 : end].removeprefix(_EXIF)
            orientation = (
                read_orientation(body) if orientation == UPRIGHT_ORIENTATION else orientation
            )
        if kind in _KEPT_WEBP:
            parts.append(data[at:end])
        at = end
    raise Damaged


def _webp_of(chunks: list[bytes], orientation: int) -> bytes:
    """Return the picture; only the extended form (VP8X) can hold an orientation."""
    if chunks and chunks[0][:4] == b"VP8X" and len(chunks[0]) > 8:
        flags = chunks[0][8] & ~(_HAS_EXIF | _HAS_XMP)
        if orientation != UPRIGHT_ORIENTATION:
            flags |= _HAS_EXIF
            body = write_orientation(orientation)
            chunks.append(b"EXIF" + len(body).to_bytes(4, "little") + body)
        chunks[0] = chunks[0][:8] + bytes((flags,)) + chunks[0][9:]
    inside = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(inside).to_bytes(4, "little") + inside


# ---------------------------------------------------------------- GIF (89a)

_KEPT_EXTENSIONS = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0", b"\x0bICCRGBG1012")


def _clean_gif(data: bytes) -> Cleaned:
    """Remove comments and unknown extensions; keep those that control the animation."""
    at = kept_from = 13 + _palette_size(data[10:11])
    parts, budget = [data[:at]], MAX_BLOCKS
    while budget > 0:
        label, start = data[at : at + 2], at
        if label[:1] == b",":
            at, budget = _after_blocks(
                data, at + 11 + _palette_size(data[at + 9 : at + 10]), budget
            )
        elif label[:1] == b"!":
            is_kept = label[1:] in (b"\xf9", b"\x01") or data.startswith(_KEPT_EXTENSIONS, at + 2)
            at, budget = _after_blocks(data, at + 2, budget)
            if not is_kept:
                parts.append(data[kept_from:start])
                kept_from = at
        elif label[:1] == b"\0":  # between two blocks: some programs write one too many
            at, budget = at + 1, budget - 1
        else:
            parts.append(data[kept_from:at] + (b";" if label else b"") + _rest(data, at + 1))
            return _finish(data, parts, UPRIGHT_ORIENTATION)
    raise Damaged


def _after_blocks(data: bytes, at: int, budget: int) -> tuple[int, int]:
    """Return the end of a row of blocks, and the remaining budget of blocks to read."""
    end = len(data)
    while at < end and budget > 0:
        length = data[at]
        at += 1 + length
        budget -= 1
        if not length:
            break
    return at, budget - 1


def _palette_size(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


# ---------------------------------------------------------------- all

_OWN_METADATA = (b"Exif\0\0", b"http://ns.adobe.com/", b"JFIF\0", b"8BIM", b"ftypmp4", b"ftypiso")


def _rest(data: bytes, end: int) -> bytes:
    """Return the bytes after a picture's end, unless they are a preview or film with metadata."""
    rest = data[end:]
    return b"" if any(mark in rest for mark in _OWN_METADATA) else rest


def _finish(data: bytes, parts: list[bytes], orientation: int) -> Cleaned:
    content = b"".join(parts)
    return Cleaned(data if content == data else content, orientation)


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_CLEANERS: dict[str, Callable[[bytes], Cleaned]] = {
    JPEG: _clean_jpeg,
    PNG: _clean_png,
    WEBP: _clean_webp,
    GIF: _clean_gif,
    HEIC: clean_heif,
    HEIF: clean_heif,
    AVIF: clean_heif,
    MP4: clean_movie,
    QUICKTIME: clean_movie,
    VIDEO_3GPP: clean_movie,
}
