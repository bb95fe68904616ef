"""Long work in a thread, in slices of time: between two of them the event loop has its turn."""

import time

SLICE = 0.0005  # seconds
PAUSE = 0.0001  # seconds; a sleep of 0 hands the interpreter back to the thread that had it


class TimeSlices:
    """A clock that long work in a thread asks after each small step."""

    __slots__ = ("_ends_at",)

    def __init__(self) -> None:
        self._ends_at = time.perf_counter() + SLICE

    def pause_if_due(self) -> None:
        """Let the event loop have the interpreter where the slice of time is used up."""
        if time.perf_counter() >= self._ends_at:
            time.sleep(PAUSE)
            self._ends_at = time.perf_counter() + SLICE
