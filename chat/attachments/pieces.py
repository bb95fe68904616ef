"""Splits long files into pieces for work in a thread, so that the event loop can run between."""

from collections.abc import Iterator

from ...store.time_slices import TimeSlices

PIECE_SIZE = 1 << 18  # bytes or characters for one call into C


def pieces(size: int, start: int = 0) -> Iterator[int]:
    """Yield where each piece starts, from `start` to `size`."""
    slices = TimeSlices()
    for at in range(start, size, PIECE_SIZE):
        yield at
        slices.pause_if_due()
