"""The boxes of ISO base media files (ISO/IEC 14496-12): MP4, QuickTime, 3GPP, HEIF and AVIF."""

from collections.abc import Iterator

from msgspec import Struct

MAX_BOXES = 10_000  # in one list of boxes: more would only serve to waste the server's time

Data = bytes | bytearray


class Box(Struct, frozen=True):
    """A box: its four letters, where it starts, where its content starts and ends."""

    kind: bytes
    start: int
    body: int
    end: int


def iterate_boxes(data: Data, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets; stop at the first bytes that are not a box."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, body = big(data[start : start + 4]), start + 8
        if size == 1:
            size, body = big(data[start + 8 : start + 16]), start + 16
        elif size == 0:
            size = end - start
        if size < body - start:
            return
        yield Box(bytes(data[start + 4 : start + 8]), start, body, min(start + size, end))
        start += size


def find_box(data: Data, start: int, end: int, *path: bytes) -> Box | None:
    """Return the first box on this path of nested boxes."""
    found: Box | None = None
    for kind in path:
        found = next((b for b in iterate_boxes(data, start, end) if b.kind == kind), None)
        if found is None:
            return None
        start, end = found.body, found.end
    return found


def find_boxes(data: Data, start: int, end: int, kind: bytes) -> list[Box]:
    """Return the boxes of one kind at this level, without nested ones."""
    return [box for box in iterate_boxes(data, start, end) if box.kind == kind]


def find_handlers(data: Data) -> set[bytes]:
    """Return the kinds of a movie's tracks: `vide`, `soun` and others."""
    handlers: set[bytes] = set()
    for movie in find_boxes(data, 0, len(data), b"moov"):
        for track in find_boxes(data, movie.body, movie.end, b"trak"):
            if handler := find_box(data, track.body, track.end, b"mdia", b"hdlr"):
                handlers.add(bytes(data[handler.body + 8 : handler.body + 12]))
    return handlers


def big(data: Data) -> int:
    return int.from_bytes(data, "big")
