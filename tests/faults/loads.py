"""What one user may do within the limits, again and again, as fast as they are answered.

`fill` makes the rooms. The process that runs a load is `more_loads.py`.
"""

import asyncio
import io
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from PIL import Image
from roomcast.store import rooms
from roomcast.store.store import Connection, Store

from .. import made_files
from ..client import Person, Socket
from ..protocol.files import file
from ..server import Server

BUSY, GUEST = "busy", "guest"
LARGEST = 256  # members of a room
LISTED = 100  # such rooms
LONG = "\N{GRINNING FACE}" * 4_000
LARGE_ROOM, LONG_TEXTS, PAIR = LISTED + 1, LISTED + 2, LISTED + 3  # ids of rooms
MANY = 20_000  # short messages in the large room
MIB = 1 << 20

SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
NAMED = "INSERT INTO people (user_id, name, picture) VALUES (:user_id, :name, :picture)"
SAID = f"""
    INSERT INTO messages (room_id, sender_id, text, created_at, updated_at, version)
    {SERIES} SELECT :room, :sender, :text, i, i, i FROM n ORDER BY i
"""  # noqa: S608 # no one's words but ours
COUNTED = """
    UPDATE rooms SET total = (SELECT count(*) FROM messages m WHERE m.room_id = rooms.id),
                     version = (SELECT count(*) FROM messages m WHERE m.room_id = rooms.id)
"""
SENT = """
    UPDATE members
       SET sent = (SELECT count(*) FROM messages m
                    WHERE m.room_id = members.room_id AND m.sender_id = members.user_id)
     WHERE user_id = :sender
"""


async def fill(folder: Path) -> None:
    """Large rooms of one user, whose members have long names, with long texts in them."""
    store = Store(f"sqlite:///{folder}/chat.db")
    await store.open()
    await store.write(_fill)
    await store.aclose()


async def _fill(db: Connection) -> None:
    members = [BUSY, GUEST, *(f"member {n}" for n in range(LARGEST - 2))]
    for user in members:
        face = f"https://site.example/{'f' * 200}/{user}.png"
        name = "\N{GRINNING FACE}" * 90 + user
        await db.execute(NAMED, {"user_id": user, "name": name, "picture": face})
    for number in range(1, LARGE_ROOM + 1):
        await rooms.open_(db, BUSY, members, "", f"room {number}", number)
        if number < LARGE_ROOM:
            await db.execute(SAID, {"room": number, "sender": GUEST, "text": LONG, "count": 3})
    for number in (LONG_TEXTS, PAIR):
        await rooms.open_(db, BUSY, [BUSY, GUEST], f"{number}", "", number)
    await db.execute(SAID, {"room": LARGE_ROOM, "sender": BUSY, "text": "a word", "count": MANY})
    await db.execute(SAID, {"room": LONG_TEXTS, "sender": BUSY, "text": LONG, "count": 1_000})
    await db.execute(COUNTED)
    for sender in (BUSY, GUEST):
        await db.execute(SENT, {"sender": sender})


# ---------------------------------------------------------------- loads

Load = Callable[[Person], Awaitable[None]]
TOO_MANY = 429
done: Counter[int] = Counter()  # answers by their status; 0 are refused joins


def count(status: int) -> None:
    if not done:
        sys.stdout.write("begun\n")
        sys.stdout.flush()
    done[status] += 1


async def at_once(number: int, work: Callable[[], Awaitable[httpx.Response]]) -> None:
    """The same request by several connections, each after its last answer."""

    async def repeat() -> None:
        while True:
            answer = await work()
            assert answer.is_success or answer.status_code == TOO_MANY, answer.text
            count(answer.status_code)
            if answer.status_code == TOO_MANY:
                await asyncio.sleep(0.05)

    await asyncio.gather(*(repeat() for _ in range(number)))


async def nothing(user: Person) -> None:
    """No load, to compare with."""
    count(0)
    await asyncio.sleep(600)


async def open_large_rooms(user: Person) -> None:
    members = [user.id, *(f"member {n}" for n in range(LARGEST - 1))]
    await at_once(5, lambda: user.post("chat/create/", {"members": members, "context": "x"}))


async def list_rooms(user: Person) -> None:
    """A hundred rooms of 256 members with long names."""
    await at_once(5, lambda: user.get("chat/recieve/", page_size=100))


async def show_a_room(user: Person) -> None:
    await at_once(10, lambda: user.get(f"chat/rooms/{LARGE_ROOM}/"))


async def count_unread(user: Person) -> None:
    await at_once(10, lambda: user.get("chat/unread/"))


async def export(user: Person) -> None:
    await at_once(5, lambda: user.get("chat/export/"))


async def search(user: Person) -> None:
    """A word of every message."""
    await at_once(5, lambda: user.get("chat/search/", q="word"))


async def search_for_much(user: Person) -> None:
    words = " ".join(f"w{n}" for n in range(50))
    await at_once(5, lambda: user.get("chat/search/", q=words))


async def read_history(user: Person) -> None:
    """The pages of long texts, from the oldest on."""
    path = f"chat/rooms/{LONG_TEXTS}/messages/"
    await at_once(10, lambda: user.get(path, after=1, limit=100))


async def read_old_history(user: Person) -> None:
    path = f"chat/rooms/{LARGE_ROOM}/messages/"
    await at_once(10, lambda: user.get(path, before=400, limit=100))


async def join(user: Person, **query: Any) -> None:
    """Comes and goes by twenty sockets, however often it is refused."""

    async def repeat() -> None:
        while True:
            async with user.knocks("?" + urlencode(query)) as socket:
                count(101 if await socket.opens() else 0)

    await asyncio.gather(*(repeat() for _ in range(20)))


async def join_large_room(user: Person) -> None:
    await join(user, room_id=LARGE_ROOM)


async def join_long_texts(user: Person) -> None:
    await join(user, room_id=LONG_TEXTS)


async def resume_from_nothing(user: Person) -> None:
    await join(user, room_id=LONG_TEXTS, after=0)


async def by_sockets(
    user: Person, room: int, number: int, act: Callable[[Socket, int], Awaitable[None]]
) -> None:
    """Acts by so many sockets of the user, all of which are sent what comes of it."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(user.enters(room)) for _ in range(number)]

        async def drain(socket: Socket) -> None:
            while True:
                await socket.connection.recv()

        async def repeat() -> None:
            turn = 0
            while True:
                turn += 1
                await act(sockets[turn % number], turn)
                count(101)
                await asyncio.sleep(0.02)

        await asyncio.gather(repeat(), *map(drain, sockets))


async def send_long_texts(user: Person) -> None:
    await by_sockets(user, PAIR, 20, lambda socket, _: socket.sends(LONG))


async def send_to_large_room(user: Person) -> None:
    await by_sockets(user, LARGE_ROOM, 20, lambda socket, n: socket.sends(f"{n}"))


async def react(user: Person) -> None:
    async def act(socket: Socket, turn: int) -> None:
        await socket.does("react", message_id=5, emoji="\N{GRINNING FACE}", on=turn % 2 == 0)

    await by_sockets(user, 1, 20, act)


async def edit(user: Person) -> None:
    """An old message of the largest room, which 254 members have not read."""
    first = (await user.get(f"chat/rooms/{LARGE_ROOM}/messages/", limit=1)).json()["messages"][0]

    async def act(socket: Socket, turn: int) -> None:
        await socket.does("edit", message_id=first["message_id"], text=f"{turn}")

    await by_sockets(user, LARGE_ROOM, 5, act)


async def ask_for_history(user: Person) -> None:
    async def act(socket: Socket, turn: int) -> None:
        await socket.does("history", limit=100)

    await by_sockets(user, LONG_TEXTS, 20, act)


async def send_nonsense(user: Person) -> None:
    """Frames of 8 MiB that are parsed, and refused."""
    text = json.dumps({"action": "send", "x": [[]] * (2 * MIB)})

    async def act(socket: Socket, turn: int) -> None:
        await socket.raw(text)

    await by_sockets(user, PAIR, 3, act)


async def send_files(user: Person) -> None:
    """Texts of 10 MiB, in frames."""
    sent = file("a.txt", "text/plain", b"A long story. " * (9 * MIB // 14))
    await by_sockets(user, PAIR, 3, lambda socket, _: socket.sends("", file=sent))


async def send_pictures(user: Person) -> None:
    """GIFs of 9 MiB that are made of blocks of one byte."""
    head = b"GIF89a" + bytes([1, 0, 1, 0, 0, 0, 0]) + b"," + bytes([0, 0, 0, 0, 1, 0, 1, 0, 0, 2])
    picture = head + b"\x01\x00" * (9 * MIB // 2) + b"\x00;"
    sent = file("a.gif", "image/gif", picture)
    await by_sockets(user, PAIR, 3, lambda socket, _: socket.sends("", file=sent))


async def put_files(user: Person) -> None:
    """Uploads of 10 MiB by signed addresses."""
    picture = made_files.png() + b"x" * (9 * MIB)
    path = "chat/attachments/"
    body = {"room_id": PAIR, "name": "a.txt", "size": len(picture), "type": "text/plain"}

    async def put() -> httpx.Response:
        offered = await user.post(path, body)
        if offered.status_code >= 400:
            return offered
        said = offered.json()
        return await user.http.put(said["presigned_url"], content=picture, headers=said["headers"])

    await at_once(5, put)


async def ask_for_thumbnails(user: Person) -> None:
    """Of the costliest pictures that may be sent; the server of the table keeps none."""
    urls = []
    for kind, side in (("JPEG", 4_000), ("JPEG", 3_900), ("PNG", 4_000), ("WEBP", 2_000)):
        written = io.BytesIO()
        plain = Image.effect_noise((128, 128), 60) if kind != "PNG" else Image.linear_gradient("L")
        drawn = plain.resize((side, side)).convert("RGB")
        drawn.save(written, kind, progressive=side == 3_900, method=0)
        sent = file(f"a.{kind.lower()}", f"image/{kind.lower()}", written.getvalue())
        answer = await user.post(f"chat/rooms/{PAIR}/messages/", {"file": sent})
        assert answer.status_code == 201, answer.text[:200]
        urls.append(answer.json()["attachments"][0]["file_url"])
    asked = itertools.cycle(f"{url}&size={size}" for url in urls for size in (360, 720, 1080))
    await at_once(10, lambda: user.http.get(next(asked)))


async def change_title(user: Person) -> None:
    titles = iter(range(10**9))
    path = f"chat/rooms/{LARGE_ROOM}/"
    await at_once(5, lambda: user.asks("PATCH", path, json={"title": f"{next(titles)}"}))


async def change_members(user: Person) -> None:
    """One after the other: the same member leaves the large room, and comes back."""
    path = f"chat/rooms/{LARGE_ROOM}/members/"
    is_out = False

    async def change() -> httpx.Response:
        nonlocal is_out
        if is_out:
            answer = await user.post(path, {"user_id": "member 3"})
        else:
            answer = await user.delete(path + "member%203/")
        is_out ^= answer.is_success  # the rate limit may have refused it
        return answer

    await at_once(1, change)


async def block(user: Person) -> None:
    turns = iter(range(10**9))
    await at_once(10, lambda: user.post(f"chat/blocks/{next(turns) % 1_900 + 10}/"))


async def notifications(user: Person) -> None:
    """Twenty sockets that hear of each change, while messages come."""
    guest = Person(user.server, user.http, GUEST, GUEST)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(user.listens()) for _ in range(20)]

        async def drain(socket: Socket) -> None:
            while True:
                await socket.connection.recv()

        rooms_in_turn = iter(range(10**9))

        def send() -> Awaitable[httpx.Response]:
            room = next(rooms_in_turn) % LISTED + 1
            return guest.post(f"chat/rooms/{room}/messages/", {"message": LONG})

        await asyncio.gather(at_once(5, send), *map(drain, sockets))


LOADS: tuple[Load, ...] = (
        nothing, open_large_rooms, list_rooms, show_a_room, count_unread, export, search,
        search_for_much, read_history, read_old_history, join_large_room, join_long_texts,
        resume_from_nothing, send_long_texts, send_to_large_room, react, edit, ask_for_history,
        send_nonsense, send_files, send_pictures, put_files, ask_for_thumbnails, change_title,
        change_members, block, notifications,
)  # fmt: skip


async def run(load: Load, port: int) -> None:
    """Until stdin ends; then prints what was answered."""
    server = SimpleNamespace(url=f"http://127.0.0.1:{port}", sockets_url=f"ws://127.0.0.1:{port}")
    http = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=50))
    user = Person(cast(Server, server), http, BUSY, BUSY)
    working = asyncio.ensure_future(load(user))
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([working, ended], return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        sys.stderr.write(f"{working.exception()!r}\n")
        os._exit(1)  # a thread waits for stdin
    sys.stdout.write(", ".join(f"{number}×{status}" for status, number in sorted(done.items())))
    sys.stdout.flush()
    os._exit(0)  # whatever is under way
