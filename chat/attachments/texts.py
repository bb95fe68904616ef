"""Whether the bytes of a file are a text, and what a browser or a shell would take it for."""

import codecs
import re

from .media_types import CALENDAR, TEXT, VCARD

PIECE = 1 << 18  # one call into C at a time: between two of them other threads get their turn
HEAD = 4_096  # code points at the beginning of a text that tell what it is

_CONTROL = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f]")
_CONTROL_BYTE = re.compile(rb"[\0-\x08\x0b\x0e-\x1f\x7f]")
_TAG = re.compile(r"<(?:!--|!doctype|[a-z][\w:.-]*[\s>/])")
_PDF_HEAD = re.compile(rb"\s{0,64}%PDF-\d\.\d")


def read_head(data: bytes) -> str | None:
    """Return how a text begins; None where the bytes are no text.

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
    """Returns the head of a text in an encoding without a name; None where it has control bytes."""
    end = len(data.removesuffix(b"\x1a"))  # some programs of old end a text with Ctrl+Z
    if any(_CONTROL_BYTE.search(data, at, min(at + PIECE, end)) for at in range(0, end, PIECE)):
        return None
    return data[:HEAD].decode("latin-1")


def _read_unicode(data: bytes, encoding: str) -> str | None:
    decoder, head = codecs.getincrementaldecoder(encoding)(), ""
    for at in range(0, len(data), PIECE):
        piece = decoder.decode(data[at : at + PIECE], at + PIECE >= len(data))
        if _CONTROL.search(piece):
            return None
        head = head or piece[:HEAD]
    return head


def type_of_text(head: str) -> str:
    """Return what a browser, a shell or a phone would take a text for that begins like this."""
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
