"""Random afternoons of four sockets: whoever stays or comes back ends with the same log."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ..client import Person, Socket
from ..examples import examples
from ..shapes import MARKS, RANK, VERSIONED, Frame


class Client:
    """A client as the protocol asks for one: a log, a cursor, and what is not yet confirmed."""

    def __init__(self, person: Person, room: int, receipts: str) -> None:
        self.person = person
        self.room = room
        self.receipts = {"receipts": receipts} if receipts else {}
        self.log: dict[int, dict[str, Any]] = {}
        self.cursor = 0
        self.epoch: str | None = None
        self.marks: Counter[tuple[int, str]] = Counter()
        self.unconfirmed: dict[str, str] = {}
        self.socket: Socket | None = None
        self.exit = AsyncExitStack()

    async def comes(self) -> None:
        """Connects with its cursor, and sends again whatever it has no answer to."""
        if self.socket is None:
            epoch = {"epoch": self.epoch} if self.epoch else {}
            entering = self.person.enters(self.room, after=self.cursor, **epoch, **self.receipts)
            self.socket = await self.exit.enter_async_context(entering)
            self.applies(self.socket.first)
            for client_id, text in list(self.unconfirmed.items()):
                await self.socket.sends(text, client_id=client_id)

    async def goes(self, *, rudely: bool) -> None:
        if self.socket is not None:
            if rudely:
                self.socket.cut()
            self.socket = None
            await self.exit.aclose()

    async def sends(self, text: str) -> None:
        await self.comes()
        assert self.socket is not None
        self.unconfirmed[text] = text
        await self.socket.sends(text, client_id=text)

    async def changes(self, action: str, which: int, text: str) -> None:
        own = [m for m in self.log.values() if m["sender_id"] == self.person.id]
        if own and self.socket is not None:
            message_id = own[which % len(own)]["message_id"]
            await self.socket.does(action, message_id=message_id, text=text)

    async def reacts(self, which: int) -> None:
        if self.log and self.socket is not None:
            message_id = list(self.log)[which % len(self.log)]
            await self.socket.does("react", message_id=message_id, emoji="👍")

    async def reads(self, upto: int) -> None:
        await self.comes()
        assert self.socket is not None
        while self.cursor < upto or self.unconfirmed:
            self.applies(await self.socket.next())

    # ------------------------------------------------------------ frames

    def applies(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "sync":
            self.starts_from(frame)
        elif kind in MARKS:
            self.marks[frame["message"]["message_id"], kind] += 1
            self.sees(frame["message"], known=True)
        elif kind == "error":
            assert frame["code"] == "not_found", frame
            self.unconfirmed.pop(frame.get("client_id"), None)
        elif kind in VERSIONED:
            self.moves(frame)

    def starts_from(self, sync: Frame) -> None:
        assert sync["reset"] is False, sync
        assert sync["version"] >= self.cursor, sync
        self.epoch, self.cursor = sync["epoch"], sync["version"]
        for message in sync["messages"]:
            self.sees(message)
        for gone in sync["deleted"]:
            self.log.pop(gone, None)

    def moves(self, frame: Frame) -> None:
        """A change is the very next one; only a repetition of one's own send is an older one."""
        repeated = frame["version"] <= self.cursor
        if repeated:
            assert frame["type"] == "chat_message", frame
            assert frame["message"]["sender_id"] == self.person.id
            assert frame["message"]["message_id"] in self.log, frame
        else:
            assert frame["version"] == self.cursor + 1, (self.cursor, frame)
            self.cursor = frame["version"]
        if frame["type"] == "message_deleted":
            self.log.pop(frame["message_id"])
        elif frame["type"] == "message_reacted":
            self.sees(reacted(self.log[frame["message_id"]], frame))
        else:
            edited = frame["type"] == "message_edited"
            assert edited == (frame["message"]["message_id"] in self.log) or repeated, frame
            self.sees(frame["message"])

    def sees(self, message: dict[str, Any], known: bool = False) -> None:
        old = self.log.get(message["message_id"])
        assert old or not known, f"a mark of a message that was never told: {message}"
        if old:
            assert RANK[message["status"]] >= RANK[old["status"]], (old, message)
            assert message["version"] >= old["version"], (old, message)
        self.log[message["message_id"]] = message
        self.unconfirmed.pop(message.get("client_id", ""), None)


def reacted(message: dict[str, Any], frame: Frame) -> dict[str, Any]:
    """The message with the reactions of this frame; without any the field is not there."""
    kept = {name: value for name, value in message.items() if name != "reactions"}
    reactions = {"reactions": frame["reactions"]} if frame["reactions"] else {}
    return kept | reactions | {"version": frame["version"]}


KINDS = ["edit", "edit", "delete", "react", "react", "cut", "leave", "come", "read"]
step = st.tuples(
    st.sampled_from(["send"] * 5 + KINDS),
    st.integers(0, 3),
    st.integers(0, 20),
)
modes = st.sampled_from(["", "", "manual", "compact", "manual,compact"])


async def plays(clients: list[Client], steps: list[tuple[str, int, int]]) -> list[str]:
    texts = []
    for number, (kind, who, which) in enumerate(steps):
        client = clients[who]
        match kind:
            case "send":
                texts.append(f"m{number}")
                await client.sends(texts[-1])
            case "edit" | "delete":
                await client.changes(kind, which, f"edited {number}")
            case "react":
                await client.reacts(which)
            case "cut" | "leave":
                await client.goes(rudely=kind == "cut")
            case "come":
                await client.comes()
            case "read":
                await client.reads(client.cursor)
    return texts


@examples(60)
@given(st.lists(step, min_size=5, max_size=40), st.lists(modes, min_size=4, max_size=4))
async def test_every_socket_ends_with_the_same_log(
    unlimited: tuple[Person, Person], steps: list[tuple[str, int, int]], receipts: list[str]
) -> None:
    ada, bob = unlimited
    room = await ada.opens(bob)
    people = (ada, ada, bob, bob)
    clients = [Client(p, room, r) for p, r in zip(people, receipts, strict=True)]
    try:
        async with asyncio.timeout(30):
            texts = await plays(clients, steps)
            await agree(clients, texts)
    finally:
        for client in clients:
            await client.goes(rudely=False)


async def agree(clients: list[Client], texts: list[str]) -> None:
    """Everybody is back and has answers; one more message, and all have seen the same."""
    for number, client in enumerate(clients):
        texts.append(f"last of {number}")  # once it is there, so is all that went before it
        await client.sends(texts[-1])
        await client.reads(client.cursor)
    last = await clients[0].person.posts(clients[0].room, "the end")
    for client in clients:
        await client.reads(last["version"])
    stored = await clients[0].person.reads_all(clients[0].room)
    for client in clients:
        log = {i: said(m) for i, m in sorted(client.log.items())}
        assert log == {m["message_id"]: said(m) for m in stored}
        assert set(client.marks.values()) <= {1}
    ids = [m.get("client_id") for m in stored]
    assert all(ids.count(text) <= 1 for text in texts)
    assert len(stored) + deletions(clients) >= len(texts) + 1


def said(message: dict[str, Any]) -> tuple[Any, ...]:
    return message["text"], message["version"], message.get("reactions")


def deletions(clients: list[Client]) -> int:
    """How many messages may be missing: never more than deletes were told or asked for."""
    seen = [f for c in clients if c.socket for f in c.socket.seen if isinstance(f, dict)]
    told = {f["message_id"] for f in seen if f["type"] == "message_deleted"}
    synced = {i for f in seen if f["type"] == "sync" for i in f["deleted"]}
    return len(told | synced) + sum(1 for f in seen if f["type"] == "error")
