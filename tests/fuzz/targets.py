"""What is fuzzed: each target takes any bytes, and may refuse them in the documented ways alone."""

from collections.abc import Callable
from contextlib import suppress

from roomcast.chat.attachments import content, thumbnails
from roomcast.protocol import codec
from roomcast.protocol.errors import Refusal
from roomcast.server.frame_reader import FrameError, FrameReader
from roomcast.settings import AttachmentSettings

from ..made_files import archive, gif, jpeg, movie, ogg, png, webp_extended, webp_lossless

MAX_FRAME = 4_096
POLICY = content.policy_of(AttachmentSettings())
KINDS = (*POLICY.types, "application/octet-stream")


def decode_frame(data: bytes) -> None:
    """The decoder of actions; what it takes can be sent again, and what it refuses be named."""
    for given in (data, data.decode(errors="surrogateescape")):
        try:
            action = codec.decode(given)
        except Refusal:
            codec.hint(given)
        else:
            codec.encode(action)


def read_frames(data: bytes) -> None:
    """The parser of WebSocket frames finds the same whatever the pieces in which bytes come."""
    whole, pieces = _frames_of([data]), _frames_of([data[n : n + 1] for n in range(len(data))])
    assert whole == pieces


def _frames_of(pieces: list[bytes]) -> list[object]:
    reader = FrameReader(MAX_FRAME)
    found: list[object] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (frame := reader.next()) is not None:
                found.append((frame[0], bytes(frame[1])))
            assert reader.held <= MAX_FRAME + len(piece) + 14  # the longest head
    except FrameError as error:
        found.append(error.code)
    return found


def check_file(data: bytes) -> None:
    """The checks of files, and thumbnails: the first byte chooses the declared type."""
    if not data:
        return
    kind = KINDS[data[0] % len(KINDS)]
    with suppress(Refusal):
        kept = content.check(data[1:], kind, None, POLICY)
        assert kept.content_type in POLICY.types
        assert len(kept.content) <= len(data) + 64
        if kept.content_type in thumbnails.TYPES:
            thumbnails.make_safely(kept.content, kept.content_type, ("", 360))


def _kind(name: str) -> bytes:
    return bytes([KINDS.index(name)])


def _masked(opcode: int, text: bytes) -> bytes:
    return bytes([0x80 | opcode, 0x80 | len(text), 0, 0, 0, 0]) + text


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decoder": decode_frame,
    "frames": read_frames,
    "files": check_file,
}
SEEDS: dict[str, list[bytes]] = {
    "decoder": [
        b'{"action":"send","message":"hello","client_id":"n1","reply_to":4}',
        b'{"action":"send","message":"","files":[{"name":"a","size":1}]}',
        b'{"action":"react","message_id":63,"emoji":"\\ud83d\\udc4d","on":true}',
        b'{"action":"history","before":180,"limit":50}',
        b'{"action":"act","message_id":65,"id":"accept","params":{"price":"120"}}',
    ],
    "frames": [
        _masked(1, b'{"action":"ping"}'), _masked(9, b"ping"), _masked(8, b"\x03\xe8bye"),
        b"\x01\x83\x00\x00\x00\x00abc" + _masked(0, "ü".encode()),
        b"\x81\xfe\x00\x7f\x00\x00\x00\x00" + b"x" * 127,
    ],
    "files": [
        _kind("image/png") + png(), _kind("image/jpeg") + jpeg(), _kind("image/gif") + gif(),
        _kind("image/webp") + webp_lossless(), _kind("image/webp") + webp_extended(),
        _kind("video/mp4") + movie(b"isom", b"vide"), _kind("audio/ogg") + ogg(),
        _kind("application/zip") + archive(a="b"), _kind("text/plain") + b"plain text",
    ],
}  # fmt: skip
