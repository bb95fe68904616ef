"""The storm: clients that write constantly while their connections break at random bytes."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from .checker import Rules, answers_of, contradictions
from .history import ClientHistory, Message
from .member import FILE_CONTENT, StormMember
from .relay import Relay
from .stage import Stage

TEMPORARY = frozenset({"unavailable", "storage_unavailable", "rate_limited"})
MAX_BYTES_UNTIL_BREAK = 3_000
QUIET = 1.0  # seconds without a change after which nothing is under way


class Storm:
    """Four clients of two users in one room, each through its own relay."""

    def __init__(self, stage: Stage, room: int, seed: int) -> None:
        self.stage = stage
        self.chance = random.Random(seed)
        parts = urlsplit(stage.deployment.base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        relays = [Relay(parts.hostname or "", port, self.chance) for _ in range(4)]
        tabs = (stage.ada, "ada's tab"), (stage.bob, "bob's tab")
        who = (stage.ada, "ada"), (stage.bob, "bob"), *tabs
        self.members = [
            StormMember(stage.deployment, account, room, name, relay)
            for (account, name), relay in zip(who, relays, strict=True)
        ]
        self.members[2].query["receipts"] = "compact"
        self.writers = self.members[:2]

    async def run(self, seconds: float, rate: float) -> None:
        """Write for a time while connections break, then wait until all clients agree."""
        async with contextlib.AsyncExitStack() as stack:
            for member in self.members:
                await stack.enter_async_context(member.relay)
            running = [asyncio.create_task(member.run()) for member in self.members]
            try:
                for member in self.members:
                    limit = self.stage.deployment.limit
                    await member.until(partial(_is_connected, member), "is connected", limit)
                writing = [asyncio.create_task(w.write(rate)) for w in self.writers]
                await self._break_connections(seconds)
                await _end(writing)
                await self._come_to_rest()
            finally:
                await _end(running)

    async def _break_connections(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        pause = min(1.5, seconds / 6)
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self.chance.uniform(0.5, 1.5) * pause))
            victim = self.chance.choice(self.members)
            way = self.chance.randrange(4)
            if way == 0:
                victim.drop()
            elif way == 1:
                for member in self.members:  # all reconnect at once
                    member.relay.break_now()
            else:
                victim.relay.break_soon(MAX_BYTES_UNTIL_BREAK)

    async def _come_to_rest(self) -> None:
        patience = self.stage.deployment.patience
        for member in self.members:
            member.relay.heal()
        for writer in self.writers:
            await writer.send_message(with_file=True)
            await writer.until(partial(_is_answered, writer), "is answered", patience)
        version, before = await self.version(), -1
        while version != before:  # actions of broken connections may still be under way
            for member in self.members:
                reached = f"has everything up to version {version}"
                await member.until(partial(_has_come_to, version, member), reached, patience)
                await member.until(partial(_is_read, member), "sees all of it read", patience)
            await asyncio.sleep(QUIET)
            version, before = await self.version(), version

    async def version(self) -> int:
        """Return the version of the room, from its sync."""
        stage, room = self.stage, self.members[0].query["room_id"]
        async with stage.enter(stage.ada, room, after=2**53 - 1, receipts="manual") as socket:
            return int(socket.first["version"])


def _is_connected(member: StormMember) -> bool:
    return member.is_connected


def _is_answered(member: StormMember) -> bool:
    return not member.unanswered


def _has_come_to(version: int, member: StormMember) -> bool:
    return member.replay.cursor >= version


def _is_read(member: StormMember) -> bool:
    newest: dict[int | str, int] = {}
    for id_, message in member.replay.messages.items():
        newest[message["sender_id"]] = max(id_, newest.get(message["sender_id"], 0))
    return all(member.replay.rank(id_) == 2 for id_ in newest.values())


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks; raise the error of a task that failed before."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def check_storm(stage: Stage, seconds: float, rate: float, seed: int) -> None:
    """Run the storm, then compare all histories with each other and with the stored room."""
    room = await stage.open_room()
    storm = Storm(stage, room, seed)
    await storm.run(seconds, rate)
    stored = await stage.read_all(stage.bob, room)
    histories = [member.history for member in storm.members]
    rules = Rules(may_be_stored=True, refused_within=10.0, allowed_errors=TEMPORARY)
    version = await storm.version()
    for promise, what in contradictions(histories, stored, version, rules):
        stage.report.find(promise, stage.name, what)
    await _check_files(stage, storm, stored)
    _count(stage, histories, stored)
    report = stage.report
    report.numbers["messages in the storm"] = len(stored)
    report.numbers["connections"] = sum(len(history.connections) for history in histories)
    report.numbers["connections broken"] = sum(m.relay.broken for m in storm.members)
    report.measure("acknowledged", _acknowledged(histories))
    report.measure("received by the other", _received_by_others(histories))


async def _check_files(stage: Stage, storm: Storm, stored: Sequence[Message]) -> None:
    """Expect the file of each message that was sent with one, for everybody; download the last."""
    sent = {(m.history.user_id, client_id) for m in storm.writers for client_id in m.with_files}
    wanted = {
        m["message_id"]: [len(FILE_CONTENT)] * ((m["sender_id"], m.get("client_id")) in sent)
        for m in stored
    }
    shown = {member.name: member.replay.messages for member in storm.members}
    for name, messages in {"history": {m["message_id"]: m for m in stored}, **shown}.items():
        found = {id_: [f["size"] for f in m["attachments"]] for id_, m in messages.items()}
        odd = {id_: sizes for id_, sizes in found.items() if sizes != wanted.get(id_, sizes)}
        stage.equal(odd, {}, f"{name}: each message has the file that it was sent with")
    links = [file["file_url"] for message in stored for file in message["attachments"]]
    for url in links[-1:]:
        answer = await stage.ada.http.get(url, follow_redirects=True)
        stage.equal(answer.content, FILE_CONTENT, "a file of the storm comes back byte for byte")
    stage.report.numbers["files in the storm"] = len(links)


def _count(stage: Stage, histories: Sequence[ClientHistory], stored: Sequence[Message]) -> None:
    """Count the comparisons of each message with each history, for five promises."""
    for promise in ("nothing_lost", "nothing_doubled", "one_order", "true_statuses", "resuming"):
        stage.report.checked[promise] += len(stored) * len(histories)


def _acknowledged(histories: Sequence[ClientHistory]) -> list[float]:
    """Yield seconds from sending a message until its event, if the first attempt succeeded."""
    return [
        answers[0].received - answers[0].sent
        for history in histories
        for answers in answers_of(history).values()
        if len(answers) == 1 and answers[0].code == "stored"
    ]


def _received_by_others(histories: Sequence[ClientHistory]) -> list[float]:
    """Yield seconds from sending a message until another user got it as a live frame."""
    sent = {
        action["client_id"]: at
        for history in histories
        for connection in reversed(history.connections)
        for at, action in reversed(connection.sent)
        if "client_id" in action
    }
    return [
        at - sent[frame["message"]["client_id"]]
        for history in histories
        for connection in history.connections
        for at, frame in connection.received
        if frame["type"] == "chat_message"
        and frame["message"]["sender_id"] != history.user_id
        and frame["message"].get("client_id") in sent
    ]
