"""The chat from inside, where a race has to be arranged: joins, uploads, housekeeping."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from roomcast.app import App, create_app
from roomcast.auth.authenticator import Authenticator
from roomcast.chat.chat import ChatServices
from roomcast.chat.rate_limit import TokenBucket
from roomcast.consumers.room_session import RoomSession
from roomcast.protocol import actions, codec
from roomcast.protocol.actions import FileUploaded
from roomcast.protocol.errors import Close, InvalidFrame, Refusal
from roomcast.realtime.connections import RoomSocket
from roomcast.realtime.room import Room
from roomcast.store.messages import Add, Added, Repeated
from roomcast.store.snapshot import Snapshot, SnapshotQuery
from starlette.types import ASGIApp, Receive, Scope, Send

from .client import token
from .inside import ADA, BOB, Frame, a_chat, a_member, until
from .protocol.files import TEXT
from .server import SECRET

Here = tuple[ChatServices, int]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with a_chat(tmp_path) as (chat, room_id):
        yield chat, room_id


# ---------------------------------------------------------------- uploads


async def uploaded(chat: ChatServices, room_id: int) -> str:
    """The file_path of an upload whose bytes are there."""
    wish = actions.File("a.txt", len(TEXT), "text/plain")
    _, path = await chat.attachments.offer(room_id, ADA, wish, "http://x")
    await chat.attachments.bucket.put(path, TEXT)
    return path


def sending(path: str, client_id: str | None = None) -> actions.Send:
    return FileUploaded(path, "look", client_id).as_send()


def objects(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


async def test_one_upload_sent_twice_at_once_is_one_message_and_stays(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room_id = here
    path = await uploaded(chat, room_id)
    moved, is_stored, both = chat.attachments.uploads.move_upload, asyncio.Event(), asyncio.Event()
    order = [both, is_stored]  # the second to come here stands still while the first is stored

    async def overtaken(*where: Any) -> bytes:
        mine = order.pop(0)
        if not order:
            both.set()
        await mine.wait()
        return await moved(*where)

    async def send() -> Added | Repeated:
        sent = await chat.messages.send(room_id, ADA, sending(path, "c1"), "")
        is_stored.set()
        return sent

    monkeypatch.setattr(chat.attachments.uploads, "move_upload", overtaken)
    async with asyncio.timeout(5):
        sent = await asyncio.gather(send(), send())
    assert not order
    assert {type(outcome) for outcome in sent} == {Added, Repeated}
    assert len({outcome.message.id for outcome in sent}) == 1
    later = time.time_ns() + 2 * 10**9 * int(chat.settings.attachments.unsent_ttl)
    monkeypatch.setattr("roomcast.chat.attachments.service.time.time_ns", lambda: later)
    await chat.attachments.unused.sweep()
    assert [path.read_bytes() for path in objects(tmp_path)] == [TEXT]


async def test_an_upload_that_was_just_sent_is_answered_with_its_message(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room_id = here
    path = await uploaded(chat, room_id)
    keep = chat.attachments.keep

    async def late(*where: Any, **how: Any) -> list[str]:
        monkeypatch.setattr(chat.attachments, "keep", keep)
        await chat.messages.send(
            room_id, ADA, sending(path, "c1"), ""
        )  # the other socket was faster
        return await keep(*where, **how)

    monkeypatch.setattr(chat.attachments, "keep", late)
    assert isinstance(await chat.messages.send(room_id, ADA, sending(path, "c1"), ""), Repeated)


async def test_one_upload_sent_as_two_messages_is_one_of_them(here: Here) -> None:
    chat, room_id = here
    path = await uploaded(chat, room_id)
    outcomes = await asyncio.gather(
        *(chat.messages.send(room_id, ADA, sending(path), "") for _ in range(2)),
        return_exceptions=True,
    )
    codes = {o.code if isinstance(o, Refusal) else type(o).__name__ for o in outcomes}
    assert codes == {"Added", "file_missing"}


@pytest.mark.parametrize("short", [False, True], ids=["the same", "by its two names"])
async def test_one_upload_twice_in_a_message_is_refused_and_lost_in_nothing(
    here: Here, short: bool
) -> None:
    chat, room_id = here
    path = await uploaded(chat, room_id)
    again = path.removeprefix("uploads/") if short else path
    assert short == (again != path)
    twice = actions.Send("", files=[actions.File(file_path=p) for p in (path, again)])
    with pytest.raises(InvalidFrame):
        await chat.messages.send(room_id, ADA, twice, "")
    assert isinstance(await chat.messages.send(room_id, ADA, sending(path), ""), Added)


# ---------------------------------------------------------------- housekeeping


async def test_the_housekeeper_goes_on_after_a_disk_that_failed(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, _ = here
    swept: asyncio.Queue[None] = asyncio.Queue()

    async def fails() -> None:
        swept.put_nowait(None)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(chat.attachments.unused, "sweep", fails)
    for _ in range(3):  # after each failure it goes on
        chat.housekeeping.request()
        async with asyncio.timeout(5):
            await swept.get()


# ---------------------------------------------------------------- joins


class Connection:
    """A WebSocket at the app's own door: no server in between, its end whenever it is wanted."""

    def __init__(self, app: App, room_id: int, user: str) -> None:
        self.app = app
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.sent: list[dict[str, Any]] = []
        self.scope = {
            "type": "websocket",
            "path": "/ws/chat/",
            "query_string": f"room_id={room_id}".encode(),
            "headers": [(b"host", b"chat.example")],
            "subprotocols": ["Bearer", token(user)],
            "scheme": "ws",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

    async def run(self) -> None:
        await self.app(self.scope, self.incoming.get, self._send)

    async def _send(self, message: Any) -> None:
        """As strict as servers are: nothing is sent after the end."""
        if self.sent and self.sent[-1]["type"] == "websocket.close":
            raise RuntimeError(f"{message['type']} after websocket.close")
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.incoming.put_nowait({"type": "websocket.disconnect", "code": message["code"]})


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    app = create_app(
        {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db", "synchronous": "NORMAL"},
            "attachments": {"url": f"file:{tmp_path}/files"},
            "auth": {"secret": SECRET},
        }
    )
    async with app.lifespan():
        yield app


async def test_a_middleware_of_the_hosts_is_asked_for_sockets_too(app: App) -> None:
    asked: list[str] = []

    class Guard:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            asked.append(scope["type"])
            await self.app(scope, receive, send)

    app.add_middleware(Guard)
    connection = Connection(app, (await app.open_room([1, 2])).id, ADA)
    connection.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await connection.run()
    assert asked == ["websocket"]
    assert connection.sent[0]["type"] == "websocket.accept"


def held_at(where: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The next call of this method says so by the event, and then never returns."""
    came = asyncio.Event()

    async def stands(*_: object, **__: object) -> None:
        came.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(where, name, stands)
    return came


@pytest.mark.parametrize("stage", ["store.snapshot", "queue.marked", "hub._listen"])
async def test_a_join_that_is_cancelled_leaves_nothing_behind(
    app: App, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_id = (await app.open_room([1, 2])).id
    await app.post(room_id, sender=2, text="unread")
    part, name = stage.split(".")
    came = held_at(getattr(app.state.chat, part), name, monkeypatch)
    task = asyncio.create_task(Connection(app, room_id, ADA).run())
    async with asyncio.timeout(5):
        await came.wait()
        assert app.state.chat.hub.open_rooms() == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert app.state.chat.hub.open_rooms() == 0
    assert not app.state.chat.joining.is_joining(room_id, ADA)


async def test_a_join_that_is_cancelled_holds_nothing_back_for_others(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_id = (await app.open_room([1, 2])).id
    await app.post(room_id, sender=2, text="unread")
    async with a_member(app.state.chat, room_id, BOB, is_manual=True) as (room, _):
        came = held_at(app.state.chat.queue, "marked", monkeypatch)
        task = asyncio.create_task(Connection(app, room_id, ADA).run())
        async with asyncio.timeout(5):
            await came.wait()
            assert app.state.chat.hub.open_sockets() == 2
            assert len(list(room.connections)) == 2
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert app.state.chat.hub.open_sockets() == 1
        assert len(list(room.connections)) == 1


async def test_a_room_deleted_while_a_socket_joins_closes_it_once(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room_id = (await app.open_room([1, 2])).id
    chat, take, heard = app.state.chat, Room.on_event, asyncio.Event()
    join = chat.joining.join

    async def takes(room: Room, message: str) -> None:
        await take(room, message)
        heard.set()

    async def joins(*how: Any, **more: Any) -> Snapshot:
        found = await join(*how, **more)
        await chat.rooms.delete(room_id, BOB)
        await heard.wait()
        found.version += 1  # a change that was never told any more
        return found

    async with a_member(chat, room_id, BOB) as (_, bob):
        monkeypatch.setattr(Room, "on_event", takes)
        monkeypatch.setattr(chat.joining, "join", joins)
        connection = Connection(app, room_id, ADA)
        async with asyncio.timeout(5):
            await connection.run()
    assert [message["type"] for message in connection.sent].count("websocket.close") == 1
    assert connection.sent[-1]["code"] == 4004
    assert bob.closed is Close.NOT_FOUND
    assert not caplog.records


async def test_who_read_earlier_than_another_that_joins_at_the_same_moment_misses_nothing(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, room_id = here
    join, is_read, goes_on = chat.joining.join, asyncio.Event(), asyncio.Event()

    async def joins_slowly(ask: SnapshotQuery, *, is_manual: bool) -> Snapshot:
        found = await join(ask, is_manual=is_manual)
        if not is_read.is_set():
            is_read.set()
            await goes_on.wait()
        return found

    monkeypatch.setattr(chat.joining, "join", joins_slowly)
    async with asyncio.timeout(5), chat.hub.room(room_id) as room:
        ask = SnapshotQuery(room_id, ADA, None, 50, 1000)
        entering = asyncio.create_task(chat.joining.enter(room, ask, is_manual=True))
        await is_read.wait()
        await chat.messages.make(Add(room_id, BOB, "in between"))
        async with a_member(chat, room_id, BOB, is_manual=True):
            assert room.sequence.first_version == 1
            goes_on.set()
            found = await entering
    assert found.messages is not None
    assert [message.text for message in found.messages] == ["in between"]


# ---------------------------------------------------------------- answers of an open socket


def errors_among(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == "error"]


async def test_no_error_says_a_long_field_again_whatever_waits(here: Here) -> None:
    chat, room_id = here
    async with a_member(chat, room_id, ADA, is_manual=True) as (room, heard):
        socket = RoomSocket(ADA, heard, is_manual=True, is_compact=False)
        bucket = TokenBucket(chat.settings.rate_limit)
        session = RoomSession(chat, cast(Authenticator, None), room, socket, bucket)
        long = "z" * 100_000
        session.on_text(b'{"action":"history"}')  # what follows waits for it
        for action in (
            {"action": "delete", "message_id": long},
            {"action": "edit", "message_id": long, "text": ""},
            {"action": "read", "message_id": long},
            {"action": "send", "message": "x", "client_id": long},
            {"action": "file_uploaded", "file_path": long, "client_id": long},
            {"action": "file_uploaded", "file_path": "uploads/x", "message": long},
            {"action": "send", "file": {"name": long, "size": 1, "type": long, "data": ""}},
        ):
            session.on_text(codec.encode(action))
        await until(lambda: len(errors_among(heard.frames)) == 7)
    errors = errors_among(heard.frames)
    assert max(len(codec.encode(error)) for error in errors) < 400
