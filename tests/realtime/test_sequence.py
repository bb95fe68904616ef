"""The version order of a room's events: tables of cases, and a model that only sorts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.realtime import sequence as module
from roomcast.realtime.events import Change, Mark, RoomEvent, pack, split, unpack
from roomcast.realtime.sequence import VersionSequence


def event(first: int, last: int | None = None, marks: list[Mark] | None = None) -> RoomEvent:
    """One commit with these versions; each frame is its version."""
    versions = range(first, (last or first) + 1) if first else ()
    changes = [Change(version, 10 * version, "1", "sent") for version in versions]
    frames = [b"%d" % version for version in versions]
    return RoomEvent(first, last or first, changes, marks or [], frames=frames)


def started(version: int = 0) -> VersionSequence:
    sequence = VersionSequence()
    sequence.start(version)
    return sequence


def delivered(sequence: VersionSequence, event: RoomEvent) -> list[int]:
    """The versions that go out after this event has come in."""
    versions: list[int] = []
    ready = sequence.put(event)
    while ready is not None:
        versions += [change.version for change in sequence.accept(ready).changes]
        ready = sequence.next()
    return versions


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([(1, 1), (2, 2), (3, 3)], [[1], [2], [3]]),
        ([(2, 2), (1, 1)], [[], [1, 2]]),
        ([(3, 3), (2, 2), (1, 1)], [[], [], [1, 2, 3]]),
        ([(1, 1), (1, 1), (2, 2), (1, 1)], [[1], [], [2], []]),
        ([(4, 6), (1, 3)], [[], [1, 2, 3, 4, 5, 6]]),
        ([(3, 3), (1, 1)], [[], [1]]),
        ([(1, 3), (2, 5)], [[1, 2, 3], [4, 5]]),
        ([(2, 5), (1, 3)], [[], [1, 2, 3, 4, 5]]),
        ([(0, 0), (1, 1)], [[], [1]]),
    ],
    ids=[
        "in order", "swapped", "reversed", "doubled", "commits of several", "one is missing",
        "overlapping", "overlapping and swapped", "an event without changes",
    ],
)  # fmt: skip
def test_events_go_out_in_version_order(
    arrivals: list[tuple[int, int]], expected: list[list[int]]
) -> None:
    sequence = started()
    assert [delivered(sequence, event(*each)) for each in arrivals] == expected


def test_the_missing_versions_are_known_until_they_come() -> None:
    sequence = VersionSequence()
    assert sequence.missing is None
    sequence.start(4)
    assert sequence.missing is None
    assert delivered(sequence, event(9)) == []
    assert delivered(sequence, event(7)) == []
    assert sequence.missing == (5, 6)
    assert delivered(sequence, event(5, 6)) == [5, 6, 7]
    assert sequence.missing == (8, 8)
    assert delivered(sequence, event(8)) == [8, 9]
    assert sequence.missing is None
    assert sequence.has(9)
    assert not sequence.has(10)


def test_an_event_that_comes_again_keeps_its_marks_and_the_deletion() -> None:
    sequence = started(5)
    again = event(4, 5, [Mark("2", 1, 1, by_joining=False)])
    again.is_deleted = True
    left = sequence.accept(again)
    assert (left.changes, left.frames) == ([], [])
    assert (left.marks, left.is_deleted) == (again.marks, True)
    assert sequence.version == 5


def test_events_before_the_start_come_out_in_the_order_in_which_they_came() -> None:
    sequence = VersionSequence()
    assert not sequence.has(0)
    for each in (event(3), event(2), event(2)):
        sequence.buffer_early(each)
    early, has_gap = sequence.start(2)
    assert [each.first for each in early] == [3, 2, 2]
    assert not has_gap
    assert (sequence.version, sequence.first_version) == (2, 2)


def test_a_gap_before_the_start_is_remembered() -> None:
    sequence = VersionSequence()
    sequence.note_early_gap()
    assert sequence.start(7) == ([], True)


def test_what_waits_is_bounded_and_what_was_dropped_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BUFFERED_EVENTS", 2)
    early = VersionSequence()
    for version in (1, 2, 3):
        early.buffer_early(event(version))
    events, has_gap = early.start(0)
    assert (len(events), has_gap) == (2, True)
    sequence = started()
    for version in (3, 4, 5):
        assert delivered(sequence, event(version)) == []
    assert sequence.missing == (1, 2)
    assert delivered(sequence, event(1, 2)) == [1, 2, 3, 4]
    assert delivered(sequence, event(5)) == [5]


def test_what_waits_is_bounded_in_bytes_and_the_bytes_are_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BUFFERED_SIZE", 2)
    sequence = started()
    for version in (3, 4, 5):
        delivered(sequence, event(version))
    assert delivered(sequence, event(1, 2)) == [1, 2, 3, 4]
    for version in (7, 7, 8):
        delivered(sequence, event(version))
    assert delivered(sequence, event(5, 6)) == [5, 6, 7, 8]


@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=12), order=st.randoms(), data=st.data()
)
def test_whatever_the_order_everything_goes_out_sorted_and_once(
    sizes: list[int], order: st.randoms, data: st.DataObject
) -> None:
    events, first = [], 1
    for size in sizes:
        events.append(event(first, first + size - 1))
        first += size
    extra = data.draw(st.lists(st.sampled_from(events), max_size=5))
    arrivals = events + extra
    order.shuffle(arrivals)
    sequence = started()
    seen: list[int] = []
    for n, each in enumerate(arrivals, 1):
        seen += delivered(sequence, each)
        came = {change.version for other in arrivals[:n] for change in other.changes}
        dense = next(version for version in range(1, first + 1) if version not in came) - 1
        assert seen == list(range(1, dense + 1))  # the model: everything up to the first gap
        assert sequence.version == dense
        assert (sequence.missing is None) == (came == set(seen))
    assert seen == list(range(1, first))


@given(sizes=st.lists(st.integers(1, 40), max_size=12), most=st.integers(1, 80))
def test_an_event_in_parts_goes_out_like_the_whole(sizes: list[int], most: int) -> None:
    whole = event(1, len(sizes)) if sizes else event(0)
    whole.frames = [b"x" * size for size in sizes]
    whole.marks = [Mark("2", 9, 9, by_joining=True)]
    sequence, changes, marks = started(), [], []
    for part in split(whole, most):
        ready = sequence.put(unpack(pack(part)))
        assert ready is not None
        accepted = sequence.accept(ready)
        changes += list(zip(accepted.changes, accepted.frames, strict=True))
        marks += accepted.marks
    assert changes == list(zip(whole.changes, whole.frames, strict=True))
    assert marks == whole.marks


def test_a_repair_with_pruned_versions_still_reaches_its_last_one() -> None:
    repair = event(5, 9)
    del repair.changes[1:4], repair.frames[1:4]  # versions 5 and 9 are left
    sequence = started(4)
    for part in split(repair, 1):
        assert sequence.put(part) is part
        sequence.accept(part)
    assert sequence.version == 9
