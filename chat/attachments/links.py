"""Signed links that expire: to GET an object with its name and type, or to PUT an upload."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

from ...protocol.errors import Forbidden


class DownloadLink(Struct, frozen=True):
    """The content of a signed GET URL: the object, its file name and its type."""

    key: str
    name: str
    content_type: str


class UploadLink(Struct, frozen=True):
    """The content of a signed PUT URL: the object, its announced type and its size in bytes."""

    key: str
    content_type: str
    size: int


def expires_at(now: float, ttl: float) -> int:
    """Return when a link made now expires: after `ttl` seconds, rounded up to a 24th of it.

    So links that are made within this time are equal, and caches can use them again.
    """
    step = max(1, int(ttl) // 24)
    return -int(-(now + ttl) // step) * step


def download_url(
    secret: bytes, base: str, key: str, name: str, content_type: str, expires: int
) -> str:
    """Return a link to one object, `<base>/files/<key>/<name>?…`, valid until `expires`."""
    part = quote(_with_plain_extension(name), safe="")
    signature = _sign(secret, "GET", key, part, content_type, "", str(expires))
    kind = quote(content_type, safe="/")
    return f"{base}/files/{key}/{part}?type={kind}&expires={expires}&signature={signature}"


def download_of(secret: bytes, path: str, query: Mapping[str, str], now: float) -> DownloadLink:
    """Verify a GET of `/files/<path>`. Raises Forbidden if the link is forged or has expired."""
    key, _, name = path.rpartition("/")
    content_type, expires = query.get("type", ""), query.get("expires", "")
    part = quote(name, safe="", errors="replace")
    _verify(_sign(secret, "GET", key, part, content_type, "", expires), query, now)
    return DownloadLink(key, name, content_type)


def upload_url(
    secret: bytes, base: str, key: str, content_type: str, size: int, expires: int
) -> str:
    """Return the URL `<base>/files/<key>?…` to PUT these bytes to, valid until `expires`."""
    signature = _sign(secret, "PUT", key, "", content_type, str(size), str(expires))
    kind = quote(content_type, safe="/")
    query = f"type={kind}&size={size}&expires={expires}&signature={signature}"
    return f"{base}/files/{key}?{query}"


def upload_of(secret: bytes, path: str, query: Mapping[str, str], now: float) -> UploadLink:
    """Verify a PUT to `/files/<path>`. Raises Forbidden if the link is forged or has expired."""
    content_type, size = query.get("type", ""), query.get("size", "")
    expires = query.get("expires", "")
    _verify(_sign(secret, "PUT", path, "", content_type, size, expires), query, now)
    return UploadLink(path, content_type, int(size))


def _with_plain_extension(name: str) -> str:
    """Return IMG_1.JPG as IMG_1.jpg, since pages search the URL for `.jpg` in lower case."""
    stem, dot, extension = name.rpartition(".")
    return stem + dot + extension.lower()


def _sign(secret: bytes, *parts: str) -> str:
    """Sign the parts of a link; none holds the newline that joins them, so the text is unique."""
    text = "\n".join(parts).encode("utf-8", "replace")
    return urlsafe_b64encode(hmac.digest(secret, text, "sha256")).decode().rstrip("=")


def _verify(signature: str, query: Mapping[str, str], now: float) -> None:
    given = query.get("signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(signature.encode(), given):
        raise Forbidden("This link is not valid.")
    if now > int(query["expires"]):
        raise Forbidden("This link has expired.")
