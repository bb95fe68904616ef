"""What a file may be called, what it really is, and the signed URL it is fetched from. No I/O."""

import codecs
import hmac
import re
import zlib
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Collection, Iterator, Mapping
from mimetypes import guess_extension
from unicodedata import normalize
from urllib.parse import quote

import puremagic
from msgspec import Struct

from ...protocol.errors import FileInvalid, FileTooLarge, FileType, Forbidden

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
PDF, TEXT, ZIP, ANY = "application/pdf", "text/plain", "application/zip", "application/octet-stream"

IN_WORDS = {
    PNG: "PNG picture",
    JPEG: "JPEG picture",
    GIF: "GIF picture",
    WEBP: "WEBP picture",
    PDF: "PDF document",
    TEXT: "plain text in UTF-8",
    ZIP: "ZIP archive",
}

_ALIASES = {
    "image/jpg": JPEG,
    "image/pjpeg": JPEG,
    "image/x-png": PNG,
    "image/x-ms-bmp": "image/bmp",
    "application/x-pdf": PDF,
    "application/x-zip": ZIP,
    "application/x-zip-compressed": ZIP,
    "application/zip-compressed": ZIP,
    "multipart/x-zip": ZIP,
    "application/x-gzip": "application/gzip",
    "audio/mp3": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "application/binary": ANY,
    "binary/octet-stream": ANY,
}

_TEXTUAL = ("application/json", "application/xml", "image/svg+xml")  # and whatever is text/…

MAX_PIXELS = 200_000_000  # a picture of more is a trap for the phone that has to unpack it
_PIECE = 1 << 18  # one call into C at a time: between two of them other threads get their turn


def type_of(content_type: str) -> str:
    """A content type in its plain form: no parameters, lower case, no aliases."""
    plain = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(plain, plain)


# ---------------------------------------------------------------- names

_BREAKS = re.compile("[\t-\r\x85\u2028\u2029]+")
_UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORBIDDEN = re.compile('[<>:"|?*]')  # Windows can't keep them, careless pages trip over them
_EDGES = re.compile("^[\\s.\u200c\u200d]+|[\\s.\u200c\u200d]+$")
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])\s*(?:\.|$)")
_EXTENSION = re.compile(r"(?i)\.(?=[a-z0-9]*[a-z])[a-z0-9]{1,16}$")
# A type with a list takes no other extension: a picture saved as .html would be run, not shown.
_EXTENSIONS = {
    PNG: (".png",),
    JPEG: (".jpg", ".jpeg"),
    GIF: (".gif",),
    WEBP: (".webp",),
    PDF: (".pdf",),
}
_COMPLETED = {TEXT: ".txt", ZIP: ".zip", ANY: ""}


def safe_name(name: str, content_type: str) -> str:
    """The name under which a file of this type is kept: safe on any system, and still readable."""
    name = _last_part(name)
    name = normalize("NFC", _UNSEEN.sub("", _BREAKS.sub(" ", name)))
    bare = _EDGES.sub("", _FORBIDDEN.sub("_", name))
    if not bare or (name.lstrip().startswith(".") and _EXTENSION.fullmatch(f".{bare}")):
        bare = f"file.{bare}" if bare else "file"
    stem, extension = _split(bare, type_of(content_type))
    return _unreserved(_cut(_unreserved(stem), extension) + extension)


def _last_part(path: str) -> str:
    """What follows the last slash of either kind, with an overlong middle left out."""
    path = path.rstrip("/\\")
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
    return name if len(name) <= 1000 else name[:500] + name[-500:]


def _split(name: str, content_type: str) -> tuple[str, str]:
    """Stem and extension, the latter by the type where the name has none of its own."""
    found = _EXTENSION.search(name)
    extension = found[0] if found else ""
    own = _EXTENSIONS.get(content_type)
    if extension.lower() in own if own else extension:
        return name[: -len(extension)], extension
    return name, own[0] if own else _completing(content_type)


def _completing(content_type: str) -> str:
    if content_type in _COMPLETED:
        return _COMPLETED[content_type]
    guess = guess_extension(content_type) or ""
    return guess if _EXTENSION.fullmatch(guess) else ""


def _cut(stem: str, extension: str) -> str:
    room = 255 - len(extension)
    short = stem[: 200 - len(extension)].encode()[:room].decode(errors="ignore")
    return _EDGES.sub("", short) if len(short) < len(stem) else stem


def _unreserved(name: str) -> str:
    return f"_{name}" if _RESERVED.match(name) else name


# ---------------------------------------------------------------- content


def declared(content_type: str, size: int, *, allowed: Collection[str], max_size: int) -> str:
    """The plain form of an acceptable type, before there are any bytes to look at.

    `application/octet-stream` passes: the bytes will decide.
    """
    kind = type_of(content_type)
    if kind != ANY and kind not in map(type_of, allowed):
        raise FileType(_accepted(allowed))
    if size > max_size:
        raise FileTooLarge(f"The file is too large: at most {_size(max_size)}.")
    if size == 0:
        raise FileInvalid("The file is empty.")
    return kind


def check(
    data: bytes, content_type: str, size: int, *, allowed: Collection[str], max_size: int
) -> str:
    """The content type under which the file is kept, by what its bytes are.

    Takes up to some ten milliseconds for ten megabytes: run it in a thread.
    """
    larger = max(size, len(data))
    kind = declared(content_type, larger, allowed=allowed, max_size=max_size)
    if len(data) != size:
        raise FileInvalid(f"The file has {len(data):,} bytes, declared were {size:,}.")
    if kind == ANY:
        return _found(data, {type_of(a) for a in allowed}, _accepted(allowed))
    if not _is_a(data, kind):
        raise FileInvalid(f"The file is no {IN_WORDS.get(kind, kind)}.")
    return kind


def unpack(
    data: str, content_type: str, size: int, *, allowed: Collection[str], max_size: int
) -> tuple[bytes, str]:
    """The bytes of a base64 file and their type; what is refused anyway is not decoded first."""
    declared(content_type, size, allowed=allowed, max_size=max_size)
    content = decode(data)
    return content, check(content, content_type, size, allowed=allowed, max_size=max_size)


def decode(data: str) -> bytes:
    """Strict base64, with or without a `data:…;base64,` head."""
    start = 0
    if data[:5].lower() == "data:":
        start = data.find(",", 0, 1024) + 1
        if not data[:start].lower().endswith(";base64,"):
            raise FileInvalid("The file's data: URL is not one in base64.")
    try:
        return b"".join(_decoded(data, start))
    except ValueError:
        raise FileInvalid("The file's data is not valid base64.") from None


def _decoded(data: str, start: int) -> Iterator[bytes]:
    if (len(data) - start) % 4 or data.find("=", start, -2) >= 0:
        raise ValueError("padding is missing, or stands elsewhere than at the end")
    for at in range(start, len(data), _PIECE):
        yield a2b_base64(data[at : at + _PIECE], strict_mode=True)


def _accepted(allowed: Collection[str]) -> str:
    words = ", ".join(IN_WORDS.get(type_of(a), a) for a in allowed)
    return f"Files of this type are not accepted, only: {words}."


def _size(count: int) -> str:
    return f"{count / (1 << 20):.4g} MiB" if count >= 1 << 20 else f"{count:,} bytes"


def _found(data: bytes, allowed: Collection[str], refusal: str) -> str:
    for kind in (*_kinds(data), ANY):
        if kind in allowed:
            return kind
    raise FileType(refusal)


def _is_a(data: bytes, kind: str) -> bool:
    if kind.startswith("text/") or kind in _TEXTUAL:
        return _text(data) is not None and not _PDF_HEAD.match(data)
    return kind in _kinds(data)


def _kinds(data: bytes) -> list[str]:
    """All that these bytes may be called, likeliest first."""
    for signature, kind, is_whole in _SIGNATURES:
        if signature.match(data):
            if not is_whole(data):
                raise FileInvalid(f"The file begins as a {IN_WORDS[kind]}, but it is damaged.")
            return [ZIP, *_guessed(data)] if kind == ZIP else [kind]
    text = _text(data)
    return _guessed(data) if text is None else [_markup(text)]


def _guessed(data: bytes) -> list[str]:
    """By the magic numbers of the many types that are no default."""
    try:
        guesses = puremagic.magic_string(data)
    except puremagic.PureError:
        return []
    return [kind for g in guesses if g.mime_type and (kind := type_of(g.mime_type)) not in IN_WORDS]


# ---------------------------------------------------------------- text

_CONTROL = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f]")
_TAG = re.compile(r"<(?:!--|!doctype|[a-z][\w:.-]*[\s>/])")


def _text(data: bytes) -> str | None:
    """How a text begins; None where the bytes are none: bad UTF-8, UTF-16 with no BOM, controls."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
    head = ""
    try:
        for at in range(0, len(data), _PIECE):
            piece = decoder.decode(data[at : at + _PIECE], at + _PIECE >= len(data))
            if _CONTROL.search(piece):
                return None
            head = head or piece[:4096]
    except UnicodeDecodeError:
        return None
    return head


def _markup(text: str) -> str:
    """What a browser or a shell would take this text for."""
    start = text.lstrip().lower()
    if text.startswith("#!"):
        return "text/x-script"
    if start.startswith(("<?xml", "<svg", "<!doctype svg", "<!--")) and "<svg" in start:
        return "image/svg+xml"
    if start.startswith(("<?xml", "<?php")):
        return "application/xml" if start[2] == "x" else "text/x-php"
    return "text/html" if _TAG.match(start) else TEXT


# ---------------------------------------------------------------- structure


def _is_sane(width: int, height: int) -> bool:
    return 0 < width * height <= MAX_PIXELS


def _is_png(data: bytes) -> bool:
    """A header with its checksum and a sane size, then pixels."""
    header = data[12:29]
    if data[8:16] != b"\0\0\0\x0dIHDR" or zlib.crc32(header) != _big(data[29:33]):
        return False
    at = 33
    for _ in range(1000):
        if data[at + 4 : at + 8] == b"IDAT":
            return _is_sane(_big(header[4:8]), _big(header[8:12]))
        at += 12 + _big(data[at : at + 4])
    return False


def _is_jpeg(data: bytes) -> bool:
    """Segments up to the one with a sane size."""
    at = 2
    for _ in range(1000):
        marker = data[at + 1 : at + 2]
        if data[at : at + 1] != b"\xff":
            return False
        if marker == b"\xff":  # a fill byte
            at += 1
            continue
        if b"\xc0" <= marker <= b"\xcf" and marker not in b"\xc4\xc8\xcc":
            return _is_sane(_big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7]))
        length = _big(data[at + 2 : at + 4])
        if length < 2:
            return False
        at += 2 + length
    return False


def _is_gif(data: bytes) -> bool:
    """A screen of a sane size, then extensions up to a first picture."""
    at = 13 + _palette(data[10:11])
    for _ in range(1000):
        if data[at : at + 1] == b",":
            screen = _is_sane(_little(data[6:8]), _little(data[8:10]))
            return screen and _is_sane(
                _little(data[at + 5 : at + 7]), _little(data[at + 7 : at + 9])
            )
        if data[at : at + 1] != b"!":
            return False
        at = _after_blocks(data, at + 2)
    return False


def _palette(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    for _ in range(100_000):
        length = _little(data[at : at + 1])
        at += 1 + length
        if not length:
            break
    return at


def _is_webp(data: bytes) -> bool:
    """One of the three kinds of a first chunk, with a sane size."""
    if not 12 < _little(data[4:8]) <= len(data) - 8:
        return False
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return _is_sane(_little(body[4:7]) + 1, _little(body[7:10]) + 1)
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = _little(body[1:5])
        return _is_sane((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    is_lossy = kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a"
    return is_lossy and _is_sane(_little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF)


def _is_zip(data: bytes) -> bool:
    """The directory that ends every archive, a comment of up to 64 KiB behind it."""
    return data.rfind(b"PK\x05\x06", -(22 + 0xFFFF)) >= 0


def _is_pdf(data: bytes) -> bool:
    return True  # readers mend what they find; there is nothing that all of them insist on


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


_PDF_HEAD = re.compile(rb"\s{0,64}%PDF-\d\.\d")
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], bool]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PNG, _is_png),
    (re.compile(rb"\xff\xd8\xff"), JPEG, _is_jpeg),
    (re.compile(rb"GIF8[79]a"), GIF, _is_gif),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), WEBP, _is_webp),
    (_PDF_HEAD, PDF, _is_pdf),
    (re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"), ZIP, _is_zip),
)


# ---------------------------------------------------------------- links


class Download(Struct, frozen=True):
    """What a signed GET URL gives: this object, under this name and type."""

    key: str
    name: str
    content_type: str


class Upload(Struct, frozen=True):
    """What a signed PUT URL takes: this many bytes, announced as this type, for this object."""

    key: str
    content_type: str
    size: int


def expires_at(now: float, ttl: float) -> int:
    """When a link made now expires: after `ttl` seconds, rounded up to the next 24th of it.

    So the links made within such a while are equal, and caches know them again.
    """
    step = max(1, int(ttl) // 24)
    return -int(-(now + ttl) // step) * step


def download_url(
    secret: bytes, base: str, key: str, name: str, content_type: str, expires: int
) -> str:
    """`<base>/files/<key>/<name>?…`: a link to one object, good until `expires`."""
    part = quote(_with_plain_extension(name), safe="")
    signature = _sign(secret, "GET", key, part, content_type, "", str(expires))
    kind = quote(content_type, safe="/")
    return f"{base}/files/{key}/{part}?type={kind}&expires={expires}&signature={signature}"


def download_of(secret: bytes, path: str, query: Mapping[str, str], now: float) -> Download:
    """What lies behind a GET of `/files/<path>`; Forbidden where the link is forged or expired."""
    key, _, name = path.rpartition("/")
    content_type, expires = query.get("type", ""), query.get("expires", "")
    part = quote(name, safe="", errors="replace")
    _verify(_sign(secret, "GET", key, part, content_type, "", expires), query, now)
    return Download(key, name, content_type)


def upload_url(
    secret: bytes, base: str, key: str, content_type: str, size: int, expires: int
) -> str:
    """`<base>/files/<key>?…`: where these bytes may be PUT until `expires`."""
    signature = _sign(secret, "PUT", key, "", content_type, str(size), str(expires))
    kind = quote(content_type, safe="/")
    query = f"type={kind}&size={size}&expires={expires}&signature={signature}"
    return f"{base}/files/{key}?{query}"


def upload_of(secret: bytes, path: str, query: Mapping[str, str], now: float) -> Upload:
    """What may be PUT to `/files/<path>`; Forbidden where the link is forged or expired."""
    content_type, size = query.get("type", ""), query.get("size", "")
    expires = query.get("expires", "")
    _verify(_sign(secret, "PUT", path, "", content_type, size, expires), query, now)
    return Upload(path, content_type, int(size))


def _with_plain_extension(name: str) -> str:
    """IMG_1.JPG as IMG_1.jpg: pages that look for `.jpg` in the URL do so in lower case."""
    stem, dot, extension = name.rpartition(".")
    return stem + dot + extension.lower()


def _sign(secret: bytes, *parts: str) -> str:
    """No part of a link made here holds a newline, so no other parts give the same text."""
    text = "\n".join(parts).encode("utf-8", "replace")
    return urlsafe_b64encode(hmac.digest(secret, text, "sha256")).decode().rstrip("=")


def _verify(signature: str, query: Mapping[str, str], now: float) -> None:
    given = query.get("signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(signature.encode(), given):
        raise Forbidden("This link is not valid.")
    if now > int(query["expires"]):
        raise Forbidden("This link has expired.")


# ---------------------------------------------------------------- headers

_INLINE = frozenset((PNG, JPEG, GIF, WEBP, PDF))
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
