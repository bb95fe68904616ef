"""Random afternoons of a group: what is told and counted is what a recount of the rows says."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from ..client import LIMIT, Person
from ..shapes import RANK, Frame
from .test_http import assert_error
from .test_members import lets_in, removes
from .test_schedules import Client as LoggingClient
from .test_schedules import modes

Marks = dict[int | str, tuple[int, int]]
STATUSES = ("send", "delivered", "read")
MEMBERS = """
    SELECT m.user_id, m.delivered_upto, m.read_upto, r.total - m.sent - m.seen
      FROM members m JOIN rooms r ON r.id = m.room_id WHERE m.room_id = {}
"""
MESSAGES = "SELECT id, sender_id, deleted_at IS NOT NULL FROM messages WHERE room_id = {}"


class Rows(Struct):
    """What the database holds of a room."""

    marks: Marks
    after_read: dict[int | str, int]  # what the counters say of messages after the receipt
    messages: list[tuple[int, int | str, bool]]  # id, sender, whether it is deleted

    def status(self, message_id: int, sender: int | str) -> str:
        others = [upto for user, upto in self.marks.items() if user != sender]
        return STATUSES[min((sum(message_id <= i for i in upto) for upto in others), default=2)]

    @property
    def statuses(self) -> dict[int, str]:
        return {i: self.status(i, sender) for i, sender, gone in self.messages if not gone}

    def after(self, user: int | str, *, with_deleted: bool) -> int:
        """Messages of others that the user has not read, one by one."""
        read = self.marks[user][1]
        return sum(
            i > read and sender != user and (with_deleted or not gone)
            for i, sender, gone in self.messages
        )


async def rows_of(person: Person, room: int) -> Rows:
    url = str(person.server.settings["database_url"])
    queries = [query.format(room) for query in (MEMBERS, MESSAGES)]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{person.server.database}?mode=ro", uri=True)) as db:
            members, messages = (db.execute(query).fetchall() for query in queries)
    else:
        connection = await asyncpg.connect(url)
        async with connection.transaction(isolation="repeatable_read"):
            members, messages = [await connection.fetch(query) for query in queries]
        await connection.close()
    return Rows(
        {int(user): (delivered, read) for user, delivered, read, _ in members},
        {int(user): after for user, _, _, after in members},
        [(i, int(sender), bool(gone)) for i, sender, gone in messages],
    )


class Client(LoggingClient):
    """It knows the receipts, too, as far as it is told of them."""

    def __init__(self, person: Person, room: int, receipts: str) -> None:
        super().__init__(person, room, receipts)
        self.marks_of: Marks = {}

    @property
    def is_compact(self) -> bool:
        return "compact" in self.receipts.get("receipts", "")

    @property
    def is_manual(self) -> bool:
        return "manual" in self.receipts.get("receipts", "")

    def applies(self, frame: Frame) -> None:
        super().applies(frame)
        if frame["type"] == "sync":
            self.marks_of = {r["user_id"]: (r["delivered"], r["read"]) for r in frame["receipts"]}
            for message in self.log.values():
                self.catches_up(message)
        elif frame["type"] == "receipt":
            had = self.marks_of.get(frame["user_id"], (0, 0))
            now = frame["delivered"], frame["read"]
            assert all(a <= b for a, b in zip(had, now, strict=True)), (had, frame)
            self.marks_of[frame["user_id"]] = now
        elif frame["type"] == "room_changed":
            self.marks_of = {u: m for u, m in self.marks_of.items() if u in frame["members"]}

    def catches_up(self, message: dict[str, Any]) -> None:
        """Of what happened while it was away, a sync tells the receipts alone."""
        rows = Rows(self.marks_of, {}, [])
        now = rows.status(message["message_id"], message["sender_id"])
        message["status"] = max(message["status"], now, key=lambda status: RANK[status])

    def agrees(self, rows: Rows) -> bool:
        if self.is_compact:
            return self.marks_of == rows.marks and set(self.log) == set(rows.statuses)
        return {i: message["status"] for i, message in self.log.items()} == rows.statuses


class Afternoon:
    """Ada's group with bob and carl, each on both processes, where there are two."""

    def __init__(self, room: int, people: list[Person], receipts: list[str]) -> None:
        self.room = room
        self.ada, self.bob, self.carl = people
        there = [each for person in people for each in (person, beside(person, people))]
        self.clients = [Client(p, room, r) for p, r in zip(there, receipts, strict=True)]
        self.is_carl_in = True
        self.read_by_hand: dict[int | str, int] = {}

    async def step(self, kind: str, who: int, which: int, number: int) -> None:
        client = self.clients[who]
        if kind in ("remove", "add"):
            await self.regroups(kind)
        elif client.person.id != self.carl.id or self.is_carl_in:
            await self.acts(client, kind, which, number)

    async def acts(self, client: Client, kind: str, which: int, number: int) -> None:
        match kind:
            case "send":
                await client.sends(f"m{number}")
            case "post":
                await client.person.posts(self.room, f"m{number}")
            case "edit" | "delete":
                await client.changes(kind, which, f"edited {number}")
            case "come":
                await client.comes()
            case "cut" | "leave":
                await client.goes(rudely=kind == "cut")
            case "read" | "read by http":
                await self.reads(client, which, is_http=kind != "read")

    async def reads(self, client: Client, which: int, *, is_http: bool) -> None:
        ids = sorted(client.log)
        upto = ids[which % len(ids)] if ids else 2**53 - 1
        user = client.person.id
        self.read_by_hand[user] = max(upto, self.read_by_hand.get(user, 0))
        if is_http:
            path = f"chat/rooms/{self.room}/read/"
            assert (await client.person.post(path, {"message_id": upto})).status_code == 200
        elif client.socket is not None:
            await client.socket.does("read", message_id=upto)

    async def regroups(self, kind: str) -> None:
        if (kind == "remove") != self.is_carl_in:
            return
        if kind == "add":
            await lets_in(self.ada, self.room, self.carl)
        else:
            await removes(self.ada, self.room, self.carl)
            for client in self.clients[4:]:
                if client.socket is not None:
                    assert await client.socket.closes() == 4003
                await client.goes(rudely=False)
                client.unconfirmed.clear()
        self.is_carl_in = kind == "add"

    # ------------------------------------------------------------ the recount

    async def agree(self) -> Rows:
        """All frames are in: every socket that is open sees what the rows say, and so do others."""
        open_ = [c for c in self.clients if c.socket is not None]
        last = (await self.ada.posts(self.room, "the end"))["version"]
        for client in open_:
            await client.reads(last)
        rows = await self.settled(open_)
        for client in open_:
            await self.sees(client, rows)
        return rows

    async def settled(self, open_: list[Client]) -> Rows:
        """The rows, when all who are here have the last message, and their receipts are stored."""
        async with asyncio.timeout(LIMIT):
            while True:
                rows = await rows_of(self.ada, self.room)
                if all(self.has_all(client, rows) for client in open_):
                    return rows

    def has_all(self, client: Client, rows: Rows) -> bool:
        user = client.person.id
        others = (i for i, sender, gone in rows.messages if sender != user and not gone)
        newest = max(others, default=0)
        delivered, read = rows.marks[user]
        return delivered >= newest and (client.is_manual or read >= newest)

    async def sees(self, client: Client, rows: Rows) -> None:
        assert client.socket is not None
        try:
            async with asyncio.timeout(LIMIT):
                while not client.agrees(rows):
                    client.applies(await client.socket.next())
        except (TimeoutError, AssertionError) as error:
            seen = client.marks_of if client.is_compact else client.log
            raise AssertionError(f"{seen} is not {rows}. {error}") from error

    def bounds(self, rows: Rows) -> None:
        """Nothing is read that nobody could have read."""
        for user, (delivered, read) in rows.marks.items():
            assert read <= delivered
            if (
                all(c.is_manual for c in self.clients if c.person.id == user)
                and user != self.carl.id
            ):
                others = [i for i, sender, _ in rows.messages if sender != user]
                upto = self.read_by_hand.get(user, 0)
                assert read <= max((i for i in others if i <= upto), default=0)

    async def counts(self, rows: Rows) -> None:
        """Counters and statuses over HTTP."""
        for person in (self.ada, self.bob, self.carl):
            path = f"chat/rooms/{self.room}/"
            if person.id not in rows.marks:
                assert_error(await person.get(path), 404, "not_found")
                continue
            shown = (await person.get(path)).json()
            assert shown["unread"] == rows.after(person.id, with_deleted=False)
            assert rows.after_read[person.id] == rows.after(person.id, with_deleted=True)
            found = {m["message_id"]: m["status"] for m in await person.reads_all(self.room)}
            assert found == rows.statuses
            last = shown["last_message"]
            assert last["status"] == rows.statuses[last["message_id"]]


def beside(person: Person, people: list[Person]) -> Person:
    """The same one on the process of somebody else."""
    servers = [other.server for other in people if other.server is not person.server]
    return Person([*servers, person.server][0], person.http, person.id, person.name)


step = st.tuples(
    st.sampled_from(
        ["send"] * 4
        + ["post", "edit", "delete", "delete", "come", "come", "cut", "leave"]
        + ["read", "read", "read by http", "remove", "add"]
    ),
    st.integers(0, 5),
    st.integers(0, 20),
)


@settings(max_examples=10)
@given(st.lists(step, min_size=8, max_size=30), st.lists(modes, min_size=6, max_size=6))
async def test_what_is_told_and_counted_is_what_the_rows_say(
    unlimited: tuple[Person, Person],
    steps: list[tuple[str, int, int]],
    receipts: list[str],
) -> None:
    ada, bob = unlimited
    carl = Person(ada.server, ada.http, 4, "carl")
    afternoon = Afternoon(await ada.opens(bob, carl), [ada, bob, carl], receipts)
    try:
        async with asyncio.timeout(60):
            for number, (kind, who, which) in enumerate(steps):
                await afternoon.step(kind, who, which, number)
            rows = await afternoon.agree()
            afternoon.bounds(rows)
            await afternoon.counts(rows)
    finally:
        for client in afternoon.clients:
            await client.goes(rudely=False)
