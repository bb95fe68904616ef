"""The wire: broken frames cost little and nothing that a client made long is said again."""

import json
from typing import Any

import pytest
from roomcast.protocol import codec, splice
from roomcast.protocol.actions import Send
from roomcast.protocol.codec import MAX_HINT_SIZE, MAX_OBJECTS, Hint, decode_as
from roomcast.protocol.errors import InvalidFrame, InvalidJSON, Refusal
from roomcast.store import messages

LONG = "z" * 100_000


@pytest.fixture
def no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*args: Any, **options: Any) -> None:
        raise AssertionError("this was looked at again")

    monkeypatch.setattr(codec.json, "loads", loads)


BROKEN = b'{"action":"send","message":"%s\\ud800"}'


def test_a_small_broken_frame_is_looked_at_again_to_say_what_is_wrong() -> None:
    with pytest.raises(InvalidFrame, match="surrogate"):
        codec.decode(BROKEN % b"")
    with pytest.raises(InvalidJSON):
        codec.decode(b"{")


@pytest.mark.usefixtures("no_second_look")
@pytest.mark.parametrize("decode", [codec.decode, lambda b: decode_as(b, Send)])
@pytest.mark.parametrize(
    "data",
    [BROKEN % (b"x" * MAX_HINT_SIZE), b'{"x":' + b"[" * 5_000 + b" " * MAX_HINT_SIZE],
    ids=["surrogate", "depth"],
)
def test_a_large_broken_frame_is_not_looked_at_twice(decode: Any, data: bytes) -> None:
    with pytest.raises(InvalidJSON):
        decode(data)


def error_of(frame: dict[str, Any]) -> bytes:
    """The error frame that a broken frame is answered with."""
    data = json.dumps(frame).encode()
    try:
        codec.decode(data)
    except Refusal as refusal:
        return codec.encode(codec.error_of(refusal, codec.hint(data)))
    raise AssertionError("nothing is wrong with this frame")


@pytest.mark.parametrize(
    "frame",
    [
        {"action": LONG},
        {"action": LONG, "client_id": LONG, "message_id": LONG},
        {"action": "send", "message": 1, "client_id": LONG},
        {"action": "delete", "message_id": [LONG]},
        {"action": "edit", "message_id": LONG},
        {"action": "send", "message": "", "client_id": [LONG]},
        {"action": "send", "file": {LONG: 1}},
        {"action": "send", "files": [{"name": LONG, "size": LONG, "type": LONG}]},
    ],
)
def test_an_error_says_nothing_long_again(frame: dict[str, Any]) -> None:
    assert len(error_of(frame)) < 400


def test_an_error_says_what_is_short_again() -> None:
    said = json.loads(error_of({"action": "edit", "client_id": "c1", "message_id": 7}))
    assert (said["action"], said["client_id"], said["message_id"]) == ("edit", "c1", 7)


@pytest.mark.parametrize("kind", [str, bytes])
@pytest.mark.parametrize(
    "ends",
    [
        ('{"action":"send","client_id":"c1","message_id":7,"message":"', '"}'),
        ('{"message":"', '", "message_id" : 7, "client_id" : "c1", "action" : "send"}'),
    ],
    ids=["before", "after"],
)
def test_a_large_frame_says_what_stands_around_what_is_large(kind: type, ends: Any) -> None:
    frame = ends[0] + "ü" * MAX_HINT_SIZE + ends[1]
    said = codec.hint(frame if kind is str else frame.encode())
    assert said == Hint("send", "c1", 7)


def test_what_a_large_text_quotes_is_not_what_the_frame_says() -> None:
    text = '"client_id":"c2",' + "x" * MAX_HINT_SIZE + '"message_id":7}'
    assert codec.hint(json.dumps({"action": "send", "message": text})) == Hint("send")


@pytest.mark.parametrize("decode", [codec.decode, lambda b: decode_as(b, Send)])
@pytest.mark.parametrize("thing", [b"{},", b"[],"])
def test_a_large_frame_of_many_small_things_is_refused_unread(decode: Any, thing: bytes) -> None:
    head = b'{"action":"send","message":"Hello","x":['
    few = head + thing * MAX_OBJECTS
    decode(head + thing * 100 + b"0]" + b" " * MAX_HINT_SIZE + b"}")
    with pytest.raises(InvalidFrame, match="too many"):
        decode(few + b"0]" + b" " * MAX_HINT_SIZE + b"}")


def test_a_quote_is_as_long_in_a_spliced_frame_as_in_the_database() -> None:
    assert splice.QUOTE_LENGTH == messages.QUOTE_LENGTH
