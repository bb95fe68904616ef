"""The names of files, made safe for every system and kept readable. No I/O."""

import re
from unicodedata import normalize

from .media_types import (
    ACTIVE_EXTENSIONS,
    ANY,
    BY_TYPE,
    extensions_of,
    is_textual,
    normalize_type,
)

_BREAKS = re.compile("[\t-\r\x85\u2028\u2029]+")
_UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORBIDDEN = re.compile('[<>:"|?*]')  # not allowed on Windows, and unsafe in careless pages
_EDGES = re.compile("^[\\s.\u200c\u200d]+|[\\s.\u200c\u200d]+$")
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])\s*(?:\.|$)")
_EXTENSION = re.compile(r"(?i)\.(?=[a-z0-9]*[a-z])[a-z0-9]{1,16}$")


def safe_name(name: str, content_type: str) -> str:
    """Return the name under which a file of this type is stored.

    The name is safe on any system and still readable; a safe name is not changed.
    """
    name = _last_part(name)
    name = normalize("NFC", _UNSEEN.sub("", _BREAKS.sub(" ", name)))
    bare = _EDGES.sub("", _FORBIDDEN.sub("_", name))
    if not bare or (name.lstrip().startswith(".") and _EXTENSION.fullmatch(f".{bare}")):
        bare = f"file.{bare}" if bare else "file"
    stem, extension = _split(bare, normalize_type(content_type))
    return _unreserved(_shorten(_unreserved(stem), extension) + extension)


def _last_part(path: str) -> str:
    """Return the part after the last slash of either kind, without the middle of a long one."""
    path = path.rstrip("/\\")
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
    return name if len(name) <= 1000 else name[:500] + name[-500:]


def _split(name: str, content_type: str) -> tuple[str, str]:
    """Return stem and extension; a wrong extension stays in the stem, before a right one.

    A picture that is saved as .html would be run, not shown, and so would a text as .bat.
    """
    found = _EXTENSION.search(name)
    extension = found[0] if found else ""
    if extension and _is_right(extension.lower(), content_type):
        return name[: -len(extension)], extension
    return name, _usual_extension(content_type, is_needed=bool(extension))


def _is_right(extension: str, content_type: str) -> bool:
    if content_type == ANY:
        return True
    own = extensions_of(content_type)
    if content_type in BY_TYPE or is_textual(content_type):
        return extension in own
    return extension in own or extension not in ACTIVE_EXTENSIONS


def _usual_extension(content_type: str, *, is_needed: bool) -> str:
    usual = next(iter(extensions_of(content_type)), ".bin" if is_needed else "")
    return usual if _EXTENSION.fullmatch(usual) else ""


def _shorten(stem: str, extension: str) -> str:
    room = 255 - len(extension)
    short = stem[: 200 - len(extension)].encode()[:room].decode(errors="ignore")
    return _EDGES.sub("", short) if len(short) < len(stem) else stem


def _unreserved(name: str) -> str:
    return f"_{name}" if _RESERVED.match(name) else name
