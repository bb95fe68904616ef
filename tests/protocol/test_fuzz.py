"""Whatever is sent, the socket stays open and answers in frames; afterwards all works as before."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ..client import Person, Socket
from ..examples import examples

VALID: list[dict[str, Any]] = [
    {"action": "send", "message": "hello", "client_id": "c1"},
    {"action": "send", "message": "", "file": {"name": "a.png", "size": 1, "type": "image/png"}},
    {
        "action": "send",
        "files": [
            {"name": "a", "size": 3, "type": "text/plain", "data": "YWJj"},
            {"file_path": "x"},
        ],
    },
    {"action": "file_uploaded", "file_path": "uploads/x", "message": "m", "client_id": "c2"},
    {"action": "edit", "message_id": 1, "text": "new"},
    {"action": "delete", "message_id": "1"},
    {"action": "history", "before": 180, "limit": 50},
    {"action": "read", "message_id": 180},
    {"action": "auth", "token": "a.b.c"},
    {"action": "ping"},
]  # fmt: skip
NAMES = sorted({key for frame in VALID for key in frame} | {"name", "size", "type", "data", "x"})

odd_numbers = st.sampled_from([-1, 0, 1, 2**31, 2**53, -(2**53), 2**63, 2**64, 10**40, 0.5, 1e308])
odd_texts = st.sampled_from(
    ["", "0", "01", "-1", "1.0", "٤", "\x00", "data:,", "=" * 9, "x" * 5000]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | odd_numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | odd_texts
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid frame with fields replaced, dropped and added."""
    frame = dict(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.sampled_from(sorted(frame)) if frame else st.just("x"))
        if draw(st.booleans()):
            frame[key] = draw(values)
        else:
            frame.pop(key, None)
        frame |= draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=1))
    return json.dumps(frame)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A valid frame, cut or with something strange in the middle."""
    text = json.dumps(draw(st.sampled_from(VALID)))
    cut = draw(st.integers(0, len(text)))
    strange = draw(st.sampled_from(["", "\\ud800", "\\u0000", "}", '"', "\u2028", "1e999", "NaN"]))
    return text[:cut] + strange + draw(st.sampled_from(["", text[cut:], text[cut + 1 :]]))


frames = (
    mutated() | broken() | values.map(json.dumps) | st.text(max_size=60) | st.binary(max_size=60)
)


@examples(150)
@given(batch=st.lists(frames, min_size=1, max_size=12))
async def test_whatever_is_sent_the_socket_lives(
    unlimited: tuple[Person, Person], batch: list[str | bytes]
) -> None:
    ada, bob = unlimited
    room = (await ada.post("chat/create/", {"second_user": bob.id})).json()["room_id"]
    async with ada.enters(room, after=0) as a:
        await answers_all(a, batch)
        async with bob.enters(room) as b:
            message = await b.still_works()
            await a.hears(message["text"])


async def answers_all(socket: Socket, batch: list[str | bytes]) -> None:
    """Sent one after another; then a plain message comes back, and no answer was `internal`."""
    for data in batch:
        await socket.raw(data)
    await socket.still_works()
    assert not socket.saw("error", code="internal")


paths = st.sampled_from(
    ["chat/create/", "chat/recieve/", "chat/delete/{}", "chat/rooms/{}/messages/", "schema/"]
)
segments = st.integers().map(str) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/?#\\"), min_size=1
)


@examples(150)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS"]),
    path=paths,
    segment=segments,
    query=st.dictionaries(
        st.sampled_from(["page", "page_size", "first_user", "before", "after", "limit", "x"]),
        st.text(st.characters(codec="utf-8"), max_size=12),
        max_size=3,
    ),
    body=st.none() | values.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=40),
)
async def test_whatever_is_asked_the_answer_is_no_server_error(
    unlimited: tuple[Person, Person],
    method: str,
    path: str,
    segment: str,
    query: dict[str, str],
    body: bytes | None,
) -> None:
    eve = Person(unlimited[0].server, unlimited[0].http, "eve", "eve")
    url = path.format("./" + segment if set(segment) <= {"."} else segment)
    async with asyncio.timeout(10):
        answer = await eve.asks(method, url, params=query, content=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert set(answer.json()) == {"detail", "code"}
