"""HEIC and AVIF pictures, and videos: reads their size and overwrites metadata in place.

Nothing is moved, so offsets into the file stay valid.
"""

from collections.abc import Iterator

from msgspec import Struct

from .boxes import Box, big, find_box, find_boxes, iterate_boxes
from .exif import Cleaned

MAX_ITEMS = 10_000
MAX_EXTENTS = 10_000

# An empty TIFF structure, after the offset that precedes it in a HEIF file.
_EMPTY_EXIF = b"\0\0\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


class Extent(Struct, frozen=True):
    """The place of some bytes of an item in the file."""

    item_id: int
    start: int
    end: int


def clean_heif(data: bytes) -> Cleaned:
    """Return the picture with its Exif and XMP items overwritten.

    Its orientation is a property of the picture (`irot`), not of the Exif data.
    """
    cleaned = bytearray(data)
    for meta in find_boxes(data, 0, len(data), b"meta"):
        hidden = _metadata_items(data, meta)
        for extent in _extents(data, meta):
            if extent.item_id in hidden:
                _overwrite(cleaned, extent.start, extent.end, hidden[extent.item_id])
    _hide_movie_boxes(cleaned)
    return Cleaned(data if cleaned == data else bytes(cleaned))


def clean_movie(data: bytes) -> Cleaned:
    """Return the video without the boxes in which phones store the place and the camera."""
    cleaned = bytearray(data)
    _hide_movie_boxes(cleaned)
    return Cleaned(data if cleaned == data else bytes(cleaned))


def _hide_movie_boxes(data: bytearray) -> None:
    """Turn user data, metadata and XMP boxes into free space."""
    for box in list(iterate_boxes(data, 0, len(data))):
        if box.kind == b"moov":
            _hide_in(data, box)
        elif box.kind == b"uuid" and data[box.body : box.body + 16] == _XMP_UUID:
            _hide(data, box)


def _hide_in(data: bytearray, movie: Box) -> None:
    for box in list(iterate_boxes(data, movie.body, movie.end)):
        if box.kind in (b"udta", b"meta", b"uuid"):
            _hide(data, box)
        elif box.kind == b"trak":
            for part in list(iterate_boxes(data, box.body, box.end)):
                if part.kind in (b"udta", b"meta", b"uuid"):
                    _hide(data, part)


def _hide(data: bytearray, box: Box) -> None:
    data[box.start + 4 : box.start + 8] = b"free"
    data[box.body : box.end] = bytes(box.end - box.body)


def _overwrite(data: bytearray, start: int, end: int, content: bytes) -> None:
    start, end = min(start, len(data)), min(end, len(data))
    if start < end:
        filler = b" " if content == b" " else b"\0"
        data[start:end] = content[: end - start].ljust(end - start, filler)


def _metadata_items(data: bytes, meta: Box) -> dict[int, bytes]:
    """Return the items with Exif and XMP data, and the bytes that replace each of them."""
    found: dict[int, bytes] = {}
    if info := find_box(data, meta.body + 4, meta.end, b"iinf"):
        first = info.body + (6 if data[info.body] == 0 else 8)
        for entry in find_boxes(data, first, info.end, b"infe"):
            wide = data[entry.body] >= 3
            kind_at = entry.body + (10 if wide else 8)
            item_id = big(data[entry.body + 4 : entry.body + (8 if wide else 6)])
            kind = data[kind_at : kind_at + 4]
            if kind == b"Exif":
                found[item_id] = _EMPTY_EXIF
            elif kind in (b"mime", b"uri "):
                found[item_id] = b" "
    return found


def _extents(data: bytes, meta: Box) -> Iterator[Extent]:
    """Yield the extents of all items, also of those in `idat` (ISO/IEC 14496-12, 8.11.3)."""
    located = find_box(data, meta.body + 4, meta.end, b"iloc")
    if located is None:
        return
    reader = _Reader(data, located.body, located.end)
    version = reader.take(1)
    reader.take(3)
    sizes = reader.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    inside = find_box(data, meta.body + 4, meta.end, b"idat")
    left = MAX_EXTENTS
    for _ in range(min(reader.take(4 if version == 2 else 2), MAX_ITEMS)):
        item_id = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version in (1, 2) else 0
        reader.take(2)
        base = reader.take(base_size) + (inside.body if method == 1 and inside else 0)
        for _ in range(reader.take(2)):
            left -= 1
            if left < 0 or reader.is_over:
                return
            reader.take(index_size)
            start = base + reader.take(offset_size)
            yield Extent(item_id, start, start + (reader.take(length_size) or len(data)))


class _Reader:
    """Reads consecutive integers; beyond the end they are 0."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self._at, self._end = data, at, end

    def take(self, size: int) -> int:
        value = big(self._data[self._at : min(self._at + size, self._end)])
        self._at += size
        return value

    @property
    def is_over(self) -> bool:
        return self._at >= self._end


# ---------------------------------------------------------------- size


def measure_heif(data: bytes) -> tuple[int, int] | None:
    """Return width and height of the primary picture as it is shown; None if unknown."""
    meta = find_box(data, 0, len(data), b"meta")
    properties = meta and find_box(data, meta.body + 4, meta.end, b"iprp")
    if not meta or not properties:
        return None
    container = find_box(data, properties.body, properties.end, b"ipco")
    if container is None:
        return None
    boxes = list(iterate_boxes(data, container.body, container.end))
    numbers = _properties_of(data, properties, _primary_item(data, meta))
    own = [boxes[n - 1] for n in numbers if 0 < n <= len(boxes)]
    size: tuple[int, int] | None = None
    is_turned = False
    for box in own or boxes:
        if box.kind == b"ispe":
            size = big(data[box.body + 4 : box.body + 8]), big(data[box.body + 8 : box.body + 12])
        elif box.kind == b"irot":
            is_turned = bool(data[box.body] & 1)
    return (size[1], size[0]) if size and is_turned else size


def _primary_item(data: bytes, meta: Box) -> int:
    box = find_box(data, meta.body + 4, meta.end, b"pitm")
    if box is None:
        return 0
    return big(data[box.body + 4 : box.body + (6 if data[box.body] == 0 else 8)])


def _properties_of(data: bytes, properties: Box, item_id: int) -> list[int]:
    """Return the numbers, from 1, of the properties of an item (ISO/IEC 23008-12, 9.3)."""
    box = find_box(data, properties.body, properties.end, b"ipma")
    if box is None:
        return []
    reader = _Reader(data, box.body, box.end)
    version = reader.take(1)
    is_wide = bool(reader.take(3) & 1)
    for _ in range(min(reader.take(4), MAX_ITEMS)):
        owner = reader.take(2 if version == 0 else 4)
        count = reader.take(1)
        size, mask = (2, 0x7FFF) if is_wide else (1, 0x7F)
        numbers = [reader.take(size) & mask for _ in range(count)]
        if owner == item_id:
            return numbers
        if reader.is_over:
            return []
    return []
