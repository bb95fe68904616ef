"""RFC 6455 as a reader: what websockets takes it takes too, however it is cut, and nothing else."""

from codecs import utf_8_decode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.server.frame_reader import FrameError, FrameReader, close_frame, read_close
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from .examples import examples

MOST = 70_000  # bytes of a message
Taken = list[tuple[str, object]]  # kinds and contents; at the end perhaps ("fails", code)


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def read(pieces: list[bytes]) -> Taken:
    """What the reader makes of it."""
    reader, taken = FrameReader(MOST), Taken()
    try:
        for piece in pieces:
            reader.feed(piece)
            while (frame := reader.next()) is not None:
                opcode, content = frame
                if opcode:
                    taken.append((Opcode(opcode).name, content))
                if opcode == Opcode.CLOSE:
                    read_close(content)
                    return taken
    except FrameError as error:
        taken += [("fails", error.code)]
    return [t for t in taken if t[0] != "CLOSE" or taken[-1][0] != "fails"]


class Library:
    """What websockets makes of it; it leaves to its callers whether a text is UTF-8."""

    def __init__(self) -> None:
        self.connection = ServerProtocol(state=State.OPEN, max_size=MOST)
        self.taken: Taken = []
        self.message, self.kind = b"", ""

    def takes(self, frames: list[bytes]) -> Taken:
        for data in frames:
            self.connection.receive_data(data)
            for frame in self.connection.events_received():
                assert isinstance(frame, Frame)
                self.take(frame)
            self.look_for_failure()
            if self.taken and self.taken[-1][0] in ("fails", "CLOSE"):
                break
        return self.taken

    def take(self, frame: Frame) -> None:
        name = frame.opcode.name
        if name in ("PING", "PONG", "CLOSE"):
            return self.taken.append((name, bytes(frame.data)))
        self.kind = self.kind if name == "CONT" else name
        self.message += frame.data
        try:
            if self.kind == "TEXT":
                utf_8_decode(self.message, "strict", frame.fin)
        except UnicodeDecodeError:
            return self.taken.append(("fails", 1007))
        if frame.fin:
            self.taken.append((self.kind, self.message))
            self.message = b""
        return None

    def look_for_failure(self) -> None:
        failure, close = self.connection.parser_exc, self.connection.close_rcvd
        if failure is None or (self.taken and self.taken[-1][0] == "fails"):
            return
        if "incomplete fragmented" in str(failure):  # a close frame may be there (RFC 6455, 5.4)
            assert close is not None
            data = b"" if close.code == 1005 else close.serialize()
            self.taken.append(("CLOSE", data))
            return
        assert self.connection.close_sent is not None
        self.taken.append(("fails", int(self.connection.close_sent.code)))


sizes = st.integers(0, 200) | st.sampled_from([65_535, 65_536, MOST, MOST + 1])
payloads = st.binary(max_size=200) | sizes.map(lambda size: b"x" * size)
texts = st.text(max_size=100).map(str.encode) | payloads
# Of a fragment as large as a message may be, websockets takes even a ping for too much.
parts = st.text(max_size=100).map(str.encode) | st.sampled_from([b"x" * 65_536, b"x" * (MOST + 1)])
plain = st.builds(masked, st.just(Opcode.TEXT), texts)
goodbyes = st.sampled_from(
    [b"", b"\x03\xe8", b"\x03\xe8bye", b"\x0f", b"\x00\x01", b"\x03\xe8\xff"]
)
good = (
    plain
    | st.builds(masked, st.just(Opcode.BINARY), payloads)
    | st.builds(masked, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))
    | st.builds(masked, st.just(Opcode.TEXT), parts, fin=st.just(False))
    | st.builds(masked, st.just(Opcode.CONT), parts, fin=st.booleans())
)
bad = (
    st.builds(masked, st.just(Opcode.CLOSE), goodbyes)
    | plain.map(lambda frame: bytes([frame[0] | 0x40]) + frame[1:])  # as if it were compressed
    | payloads.map(lambda data: Frame(Opcode.TEXT, data).serialize(mask=False))
    | st.just(b"\x81\xfe\x00\x02mask{}")  # a length that is longer than it need be
    | st.just(b"\x81\xff" + b"\xff" * 8)
    | st.just(b"\x89\xfe\x00\x80")
    | st.binary(max_size=40)
)
streams = st.builds(
    list.__add__, st.lists(plain | good, max_size=8), st.lists(bad | good, max_size=2)
)
Cuts = list[int] | None
cuts: st.SearchStrategy[Cuts] = st.none() | st.lists(st.integers(0, 2_000), max_size=6)


def cut(stream: bytes, at: Cuts) -> list[bytes]:
    """As it may come from the network; None: byte by byte, where that doesn't take too long."""
    if at is None:
        at = list(range(len(stream))) if len(stream) < 1_000 else []
    return [stream[a:b] for a, b in pairwise(sorted([0, *at, len(stream)])) if a < b]


@given(streams, cuts)
@examples(400)
def test_however_frames_come_websockets_would_take_the_same(some: list[bytes], at: Cuts) -> None:
    # The library forgets what came in one piece with something wrong, and before it.
    some = [*some, masked(Opcode.PING, b"last")]
    one_by_one = [piece for frame in some for piece in cut(frame, None)]
    theirs = one_fault(Library().takes(one_by_one))
    # Of a frame that is not all there yet we may know earlier that it can't be right.
    assert one_fault(read(cut(b"".join(some), at))) in (theirs, [*theirs, ("fails", 1002)])


def one_fault(taken: Taken) -> Taken:
    """Of a frame that is wrong and too large it doesn't matter which is said."""
    return [(kind, 1002 if code == 1009 else code) for kind, code in taken]


@pytest.mark.parametrize("text", ["€", "👍", "a\U0010ffffb"])
def test_a_character_may_be_cut_by_a_fragment(text: str) -> None:
    data = text.encode()
    for at in range(len(data)):
        frames = masked(Opcode.TEXT, data[:at], fin=False) + masked(Opcode.CONT, data[at:])
        assert read([frames]) == [("TEXT", data)]


NOT_UTF8 = [
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"ok \xe2\x82",
    b"\xce\xba\xe1",
]


@pytest.mark.parametrize("data", NOT_UTF8)
def test_a_text_that_is_not_utf8_fails(data: bytes) -> None:
    whole = masked(Opcode.TEXT, data)
    parts = masked(Opcode.TEXT, data, fin=False) + masked(Opcode.CONT, b"")
    assert read([whole]) == read([parts]) == [("fails", 1007)]


def test_a_text_fails_at_the_fragment_that_is_wrong_and_not_later() -> None:
    assert read([masked(Opcode.TEXT, b"\xff", fin=False)]) == [("fails", 1007)]


def test_a_close_frame_may_come_between_fragments() -> None:
    data = masked(Opcode.TEXT, b"a", fin=False) + masked(Opcode.CLOSE, b"\x03\xe8")
    assert read([data]) == [("CLOSE", b"\x03\xe8")]


def test_a_frame_over_the_limit_is_known_by_its_head() -> None:
    assert read([b"\x81\xff" + (MOST + 1).to_bytes(8, "big") + b"mask"]) == [("fails", 1009)]
    first = masked(Opcode.BINARY, b"x" * MOST, fin=False)
    assert read([first, b"\x80\xfe" + (200).to_bytes(2, "big") + b"mask"]) == [("fails", 1009)]


def test_what_is_read_is_released() -> None:
    reader = FrameReader(MOST)
    frame = masked(Opcode.BINARY, b"x" * MOST)
    reader.feed(frame[:50_000])
    reader.feed(frame[50_000:])
    assert reader.next() == (Opcode.BINARY, b"x" * MOST)
    assert (reader.buffered, reader.held) == (0, 0)
    reader.feed(frame[:50_000])
    reader.clear()
    assert (reader.buffered, reader.held) == (0, 0)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 1014, 3000, 4999])
def test_close_codes_that_may_be_sent(code: int) -> None:
    assert read_close(Close(code, "bye").serialize()) == (code, "bye")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_close_codes_that_may_not(code: int) -> None:
    with pytest.raises(FrameError) as caught:
        read_close(code.to_bytes(2, "big"))
    assert caught.value.code == 1002


def test_a_reason_is_cut_between_characters() -> None:
    frame = close_frame(1000, "é" * 100)
    assert len(frame) == 2 + 124
    assert frame[4:].decode() == "é" * 61
