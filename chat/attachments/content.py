"""Checks the bytes of a file: their type, whether it is allowed, what is stored. No I/O."""

from binascii import a2b_base64
from collections.abc import Collection, Iterator, Sequence

import puremagic
from msgspec import Struct

from ...protocol.errors import FileInvalid, FileTooLarge, FileType
from ...settings.model import AttachmentSettings
from .containers import Recognized, is_whole_archive, recognize
from .exif import SIDEWAYS_ORIENTATIONS, Damaged
from .media_types import (
    ANY,
    BY_TYPE,
    CSV,
    TEXT,
    XLS,
    ZIP,
    is_textual,
    label_of,
    list_labels,
    normalize_type,
)
from .metadata import clean
from .pictures import Size, measure
from .pieces import PIECE_SIZE, pieces
from .texts import read_head, type_of_text

MAGIC_TYPES = frozenset(
    normalize_type(entry.mime_type)
    for entries in (puremagic.magic_header_array, puremagic.magic_footer_array)
    for entry in entries
    if entry.mime_type
)


class Policy(Struct, frozen=True):
    """The files that the settings allow; `max_size` is in bytes, `max_pixels` for one message."""

    types: Collection[str]
    max_size: int
    max_pixels: int = 40_000_000
    strip_metadata: bool = True


def policy_of(settings: AttachmentSettings) -> Policy:
    """Return the current policy of the settings; a reload may change it."""
    return Policy(settings.types, settings.max_size, settings.max_pixels, settings.strip_metadata)


class Checked(Struct, frozen=True):
    """A file as it is stored: its bytes, its type, and the size of a picture as it is shown."""

    content: bytes
    content_type: str
    width: int | None = None
    height: int | None = None

    @property
    def pixels(self) -> int:
        return (self.width or 0) * (self.height or 0)


def check_declared(content_type: str, size: int, policy: Policy) -> str:
    """Return the plain form of a declared type, before the bytes have arrived.

    `application/octet-stream` passes, because the bytes decide later. Raises FileType, FileTooLarge
    for a file over the limit and FileInvalid for an empty one.
    """
    kind = normalize_type(content_type)
    wanted = {XLS, CSV} if kind == XLS else {kind}  # Windows with Excel calls both so
    if kind != ANY and wanted.isdisjoint(map(normalize_type, policy.types)):
        raise FileType(_refusal(policy))
    if size > policy.max_size:
        raise FileTooLarge(f"The file is too large: at most {_readable_size(policy.max_size)}.")
    if size == 0:
        raise FileInvalid("The file is empty.")
    return kind


def check(data: bytes, content_type: str, size: int | None, policy: Policy) -> Checked:
    """Return the file as it is to be stored, by its bytes; `size` is the declared size in bytes.

    It takes tens of milliseconds for ten megabytes: run it in a thread. Raises FileType,
    FileTooLarge or FileInvalid.
    """
    size = len(data) if size is None else size
    kind = check_declared(content_type, max(size, len(data)), policy)
    if len(data) != size:
        raise FileInvalid(f"The file has {len(data):,} bytes, declared were {size:,}.")
    kind = _identify(data, kind, policy)
    try:
        picture = measure(data, kind)
        check_pixels(picture[0] * picture[1] if picture else 0, policy)
        return _cleaned(data, kind, picture, policy)
    except Damaged:
        raise FileInvalid(_damage(kind)) from None


def check_pixels(pixels: int, policy: Policy) -> None:
    """Raise FileInvalid for pictures that would take too much memory to show."""
    if pixels > policy.max_pixels:
        raise FileInvalid(
            f"The pictures of a message may have {policy.max_pixels / 1e6:.4g} megapixels together,"
            f" these have {pixels / 1e6:.4g}."
        )


def unpack(data: str, content_type: str, size: int, policy: Policy) -> Checked:
    """Return a base64 file as it is to be stored; check what was declared before decoding."""
    check_declared(content_type, size, policy)
    return check(decode(data), content_type, size, policy)


def _cleaned(data: bytes, kind: str, picture: Size | None, policy: Policy) -> Checked:
    found = clean(data, kind)
    width, height = picture or (None, None)
    if found.orientation in SIDEWAYS_ORIENTATIONS:
        width, height = height, width
    return Checked(found.content if policy.strip_metadata else data, kind, width, height)


# ---------------------------------------------------------------- base64


def decode(data: str) -> bytes:
    """Decode strict base64, with or without a `data:…;base64,` head. Raises FileInvalid."""
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
    for at in pieces(len(data), start):
        yield a2b_base64(data[at : at + PIECE_SIZE], strict_mode=True)


# ---------------------------------------------------------------- what the bytes are


def _identify(data: bytes, kind: str, policy: Policy) -> str:
    """Return the type under which to store the bytes. Raises FileInvalid, FileType for `ANY`."""
    allowed = set(map(normalize_type, policy.types))
    found = recognize(data)
    if ZIP in found.names and not is_whole_archive(data):
        raise FileInvalid(_damage(ZIP))
    if kind == ANY:
        names = (*(found.names or _guess(data)), ANY)
        return _first_allowed(names, allowed, FileType(_refusal(policy)))
    return _first_allowed(
        tuple(_right_names(data, kind, found)),
        allowed,
        FileInvalid(f"The file is no {label_of(kind)}."),
    )


def _right_names(data: bytes, kind: str, found: Recognized) -> Sequence[str]:
    """Return the true types of a file declared as `kind`; nothing if it is of another type."""
    if is_textual(kind):
        return () if read_head(data) is None else (kind,)
    if kind in found.names:
        return (kind,)
    if kind in found.mistaken_for:
        return found.names
    if kind == XLS and not found.names and read_head(data) is not None:
        return (CSV, TEXT)
    is_open = not found.names or ZIP in found.names
    return (kind,) if is_open and kind in _magic(data) else ()


def _first_allowed(
    names: tuple[str, ...], allowed: Collection[str], refusal: FileType | FileInvalid
) -> str:
    for name in names:
        if name in allowed:
            return name
    raise refusal


def _guess(data: bytes) -> tuple[str, ...]:
    """Guess the types of unrecognized bytes: a text, or one of many rare types."""
    head = read_head(data)
    magic = tuple(_magic(data))
    return magic if head is None else (*_text_types(head), *magic)


def _text_types(head: str) -> tuple[str, ...]:
    """Return the types of a text; vCard and iCalendar are also plain text, HTML is not."""
    kind = type_of_text(head)
    return (kind, TEXT) if kind in ("text/vcard", "text/calendar") else (kind,)


def _magic(data: bytes) -> list[str]:
    """Return the types by puremagic's magic numbers, without those that KINDS recognizes."""
    try:
        guesses = puremagic.magic_string(data)
    except puremagic.PureError:
        return []
    kinds = [normalize_type(guess.mime_type) for guess in guesses if guess.mime_type]
    return [kind for kind in kinds if kind not in BY_TYPE and not is_textual(kind)]


# ---------------------------------------------------------------- sentences


def _damage(kind: str) -> str:
    return f"The file begins as a {label_of(kind)}, but it is damaged."


def _refusal(policy: Policy) -> str:
    return f"Files of this type are not accepted, only: {list_labels(policy.types)}."


def _readable_size(count: int) -> str:
    return f"{count / (1 << 20):.4g} MiB" if count >= 1 << 20 else f"{count:,} bytes"
