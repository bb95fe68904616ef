"""The HTTP headers of a file: the browser shows only harmless types inline. No I/O."""

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


# Of a redirect to the bucket: cached for less time than the bucket's link is valid.
LINK_HEADERS = {"Cache-Control": "private, max-age=300", "Referrer-Policy": "no-referrer"}


def headers(content_type: str, name: str) -> dict[str, str]:
    """Return all headers of an answer with a file, including its type."""
    charset = "; charset=utf-8" if content_type.startswith("text/") else ""
    kind = {"Content-Type": content_type + charset}
    return kind | {"Content-Disposition": disposition(content_type, name)} | HEADERS


def disposition(content_type: str, name: str) -> str:
    """Return Content-Disposition (RFC 6266): inline for harmless types, else an attachment."""
    way = "inline" if content_type in _INLINE else "attachment"
    plain = _UNQUOTABLE.sub("_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{way}; filename="{plain}"{extended}'
