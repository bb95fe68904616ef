"""Divides long work in a thread into time slices, so that the event loop can run in between."""

import time

SLICE_DURATION = 0.0005  # seconds
# Seconds; after a sleep of 0 the same thread would get the interpreter again.
PAUSE_DURATION = 0.0001


class TimeSlices:
    """A clock that long work in a thread checks after each small step."""

    __slots__ = ("_ends_at",)

    def __init__(self) -> None:
        self._ends_at = time.perf_counter() + SLICE_DURATION

    def pause_if_due(self) -> None:
        """Sleep briefly if the time slice is used up, so that the event loop can run."""
        if time.perf_counter() >= self._ends_at:
            time.sleep(PAUSE_DURATION)
            self._ends_at = time.perf_counter() + SLICE_DURATION
