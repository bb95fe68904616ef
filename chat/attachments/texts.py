"""Detects whether bytes are a text, and as which type a browser or a shell would treat it."""

import codecs
import re

from .media_types import CALENDAR, TEXT, VCARD
from .pieces import PIECE_SIZE, pieces

DETECTION_LENGTH = 4_096  # code points at the beginning of a text by which its type is detected

_CONTROL_BYTES = bytes([*range(9), 0x0B, *range(0x0E, 0x20), 0x7F])
_TAG = re.compile(r"<(?:!--|!doctype|[a-z][\w:.-]*[\s>/])")
_PDF_HEAD = re.compile(rb"\s{0,64}%PDF-\d\.\d")


def read_head(data: bytes) -> str | None:
    """Return the beginning of a text; None if the bytes are not a text.

    A text is UTF-8, UTF-16 with a byte order mark, or in one of the 8-bit encodings that Windows
    programs still write (such as windows-1252), each without control characters.
    """
    if _PDF_HEAD.match(data):
        return None
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return _read_unicode(data, "utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None if wide else _read_legacy(data)


def _read_legacy(data: bytes) -> str | None:
    """Return the head of a text in an unknown 8-bit encoding; None if it has control bytes."""
    text = data.removesuffix(b"\x1a")  # some old programs end a text with Ctrl+Z
    if any(_has_control(text[at : at + PIECE_SIZE]) for at in pieces(len(text))):
        return None
    return data[:DETECTION_LENGTH].decode("latin-1")


def _read_unicode(data: bytes, encoding: str) -> str | None:
    decoder, head = codecs.getincrementaldecoder(encoding)(), ""
    for at in pieces(len(data)):
        piece = decoder.decode(data[at : at + PIECE_SIZE], at + PIECE_SIZE >= len(data))
        if _has_control(piece.encode()):
            return None
        head = head or piece[:DETECTION_LENGTH]
    return head


def _has_control(text: bytes) -> bool:
    return len(text.translate(None, _CONTROL_BYTES)) < len(text)


def type_of_text(head: str) -> str:
    """Return the type that a browser, a shell or a phone would detect for this beginning."""
    start = head.lstrip().lower()
    if head.startswith("#!"):
        return "text/x-script"
    if start.startswith(("<?xml", "<svg", "<!doctype svg", "<!--")) and "<svg" in start:
        return "image/svg+xml"
    if start.startswith(("<?xml", "<?php")):
        return "application/xml" if start[2] == "x" else "text/x-php"
    if start.startswith("begin:vcard"):
        return VCARD
    if start.startswith("begin:vcalendar"):
        return CALENDAR
    return "text/html" if _TAG.match(start) else TEXT
