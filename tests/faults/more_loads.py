"""More of what one user may do within the limits: what looks cheap, in storms.

`python -m tests.faults.more_loads NAME PORT` goes on with a load until its stdin ends.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import httpx

from ..client import Person, Socket
from .loads import (
    GUEST,
    LARGE_ROOM,
    LISTED,
    LOADS,
    LONG,
    LONG_TEXTS,
    MANY,
    MIB,
    PAIR,
    Load,
    at_once,
    by_sockets,
    count,
    run,
)

EMOJI = [chr(0x1F600 + n) for n in range(20)]
REPLIES = 60
DEEP = {"a": [[[{"b": n}]] for n in range(200)]}  # custom data


async def search_by_pages(user: Person) -> None:
    """All pages of a word that every message has."""
    path = f"{user.server.url}/api/v1/chat/search/?q=word"
    nexts = [path]

    async def search() -> httpx.Response:
        answer = await user.asks("GET", nexts.pop() if nexts else path)
        if answer.is_success and (following := answer.json()["next"]):
            nexts.append(following)
        return answer

    await at_once(5, search)


async def filter_rooms(user: Person) -> None:
    """By one letter, which begins the title of each room, and by what is unread."""
    filters = itertools.cycle([{"q": "r"}, {"q": "room 1 2 3"}, {"unread": 1}, {"archived": 1}])
    await at_once(5, lambda: user.get("chat/recieve/", page_size=100, **next(filters)))


async def ask_around(user: Person) -> None:
    """Pages around messages and times, anywhere in 20,000 messages."""
    path = f"chat/rooms/{LARGE_ROOM}/messages/"
    places = itertools.cycle(range(400, MANY, 997))
    await at_once(10, lambda: user.get(path, around=next(places), limit=100))


async def react_with_many(user: Person) -> None:
    """Twenty emoji under one message of a room of 256, on and off."""
    guests = [Person(user.server, user.http, GUEST, GUEST), user]

    async def act(socket: Socket, turn: int) -> None:
        emoji, is_on = EMOJI[turn % 20], turn // 20 % 2 == 0
        await socket.does("react", message_id=4, emoji=emoji, on=is_on)

    await asyncio.gather(*(by_sockets(each, 2, 10, act) for each in guests))


async def abort_uploads(user: Person) -> None:
    """Half of 9 MiB each time, then the connection ends."""
    body = {"room_id": PAIR, "name": "a.txt", "size": 9 * MIB, "type": "text/plain"}

    async def half() -> httpx.Response:
        offered = await user.post("chat/attachments/", body)
        if offered.is_success:
            said = offered.json()
            with_size = said["headers"] | {"Content-Length": f"{9 * MIB}"}
            with suppress(httpx.HTTPError, EndOfPatience):
                await user.http.put(said["presigned_url"], content=pieces(), headers=with_size)
        return offered

    await at_once(5, half)


class EndOfPatience(Exception):
    """The user ends what they have begun."""


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(9):
        yield b"x" * (MIB // 2)
    raise EndOfPatience


async def abort_exports(user: Person) -> None:
    """The first piece of an export each time."""

    async def begin() -> httpx.Response:
        headers = {"Authorization": f"Bearer {user.token()}"}
        url = f"{user.server.url}/api/v1/chat/export/"
        async with user.http.stream("GET", url, headers=headers) as answer:
            if answer.is_success:
                await anext(answer.aiter_bytes(1024))
            else:
                await answer.aread()
            return answer

    await at_once(5, begin)


async def edit_what_is_quoted(user: Person) -> None:
    """A message of 4,000 emoji that sixty unread ones answer, again and again."""
    path = f"chat/rooms/{LARGE_ROOM}/messages/"
    first = (await user.post(path, {"message": LONG})).json()["message_id"]
    for _ in range(REPLIES):
        answer = await user.post(path, {"message": LONG, "reply_to": first})
        while answer.status_code == 429:
            await asyncio.sleep(0.2)
            answer = await user.post(path, {"message": LONG, "reply_to": first})

    async def act(socket: Socket, turn: int) -> None:
        await socket.does("edit", message_id=first, text=f"{turn}{LONG}"[:4_000])

    await by_sockets(user, LARGE_ROOM, 5, act)


async def type_everywhere(user: Person) -> None:
    """In twenty rooms of 256, as fast as twenty sockets can."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(user.enters(n)) for n in range(1, 21)]

        async def drain(socket: Socket) -> None:
            while True:
                await socket.connection.recv()

        async def repeat() -> None:
            for socket in itertools.cycle(sockets):
                await socket.does("typing")
                count(101)
                await asyncio.sleep(0.01)

        await asyncio.gather(repeat(), *map(drain, sockets))


async def read_one_by_one(user: Person) -> None:
    """The guest reads the long texts of the user one after the other; both hear of each."""
    guest = Person(user.server, user.http, GUEST, GUEST)
    page = (await guest.get(f"chat/rooms/{LONG_TEXTS}/messages/", after=1, limit=1)).json()
    first = page["messages"][0]["message_id"]

    async def listen() -> None:
        async with user.enters(LONG_TEXTS) as socket:
            while True:
                await socket.connection.recv()

    async with guest.enters(LONG_TEXTS, receipts="manual") as socket:

        async def drain() -> None:
            while True:
                await socket.connection.recv()

        async def read() -> None:
            for message_id in itertools.count(first):
                await socket.does("read", message_id=message_id)
                count(101)
                await asyncio.sleep(0.02)

        await asyncio.gather(listen(), drain(), read())


async def send_and_delete(user: Person) -> None:
    path = f"chat/rooms/{LARGE_ROOM}/messages/"

    async def both() -> httpx.Response:
        sent = await user.post(path, {"message": LONG})
        if sent.is_success:
            await user.delete(f"{path}{sent.json()['message_id']}/")
        return sent

    await at_once(10, both)


async def change_flags(user: Person) -> None:
    """Muted, archived and marked as unread, in a hundred rooms of 256."""
    rooms, flags = itertools.cycle(range(1, LISTED + 1)), itertools.cycle([True, False, True])
    names = itertools.cycle(["muted", "archived"])
    await at_once(
        10,
        lambda: user.asks("PATCH", f"chat/rooms/{next(rooms)}/", json={next(names): next(flags)}),
    )


async def send_deep_data(user: Person) -> None:
    await by_sockets(user, LARGE_ROOM, 20, lambda socket, n: socket.sends(f"{n}", data=DEEP))


async def renew_tokens(user: Person) -> None:
    """A new token each time, whose signature has to be looked at."""
    numbers = itertools.count(1)
    await by_sockets(
        user, PAIR, 20, lambda socket, _: socket.does("auth", token=user.token(jti=next(numbers)))
    )


ALL_LOADS: dict[str, Load] = {
    load.__name__.replace("_", " "): load
    for load in (
        *LOADS, search_by_pages, filter_rooms, ask_around, react_with_many, abort_uploads,
        abort_exports, edit_what_is_quoted, type_everywhere, read_one_by_one, send_and_delete,
        change_flags, send_deep_data, renew_tokens,
    )
}  # fmt: skip

if __name__ == "__main__":
    asyncio.run(run(ALL_LOADS[sys.argv[1]], int(sys.argv[2])))
