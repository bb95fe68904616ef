"""Long files in pieces, for work in a thread: the event loop has its turn between two of them."""

from collections.abc import Iterator

from ...store.time_slices import TimeSlices

PIECE = 1 << 18  # bytes or characters that one call into C takes


def pieces(size: int, start: int = 0) -> Iterator[int]:
    """Yield where each piece starts, from `start` to `size`."""
    slices = TimeSlices()
    for at in range(start, size, PIECE):
        yield at
        slices.pause_if_due()
