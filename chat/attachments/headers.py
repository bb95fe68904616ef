"""The headers with which a file is answered: shown only where that is harmless. No I/O."""

import re
from urllib.parse import quote

from .media_types import AVIF, GIF, HEIC, HEIF, JPEG, PDF, PNG, WEBP

_INLINE = frozenset((PNG, JPEG, GIF, WEBP, HEIC, HEIF, AVIF, PDF))
_UNQUOTABLE = re.compile(r'[^ -~]|["\\%]')

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "private, max-age=3600",
}


# Of an answer that leads to the bucket: not kept for longer than the bucket's own link lasts.
LINK_HEADERS = {"Cache-Control": "private, max-age=300", "Referrer-Policy": "no-referrer"}


def headers(content_type: str, name: str) -> dict[str, str]:
    """All headers of an answer with a file in it, its type among them."""
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    kind = {"Content-Type": content_type + charset}
    return kind | {"Content-Disposition": disposition(content_type, name)} | HEADERS


def disposition(content_type: str, name: str) -> str:
    """RFC 6266: shown in the browser where that is harmless, else saved under its name."""
    way = "inline" if content_type in _INLINE else "attachment"
    plain = _UNQUOTABLE.sub("_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{way}; filename="{plain}"{extended}'
