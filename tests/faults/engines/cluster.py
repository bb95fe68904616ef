"""Two processes on real engines, people who talk across them all the time, and what must hold."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from pathlib import Path

import httpx

from ...client import Person
from ...engines import Engine, done
from ...engines.postgres import Postgres, execute
from ...engines.proxy import FaultProxy
from ...patience import LONG, is_starved
from ...server import Server
from ..history import check
from .member import Member, all_hear_more

POOL = 7  # connections that one process may hold to its database
PAGE = resource.getpagesize()
OPTIONS = {"rate_limit_rate": 0, "limits_max_resume_changes": 100_000}


class Cluster:
    """Ada is on the first process, bob on the second; each has a network of its own if asked for.

    `to_database` and `to_broker` are the proxies of the first and the second process.
    """

    def __init__(self, folder: Path, postgres: Postgres, broker: Engine, **options: object) -> None:
        self.postgres = postgres
        self.broker = broker
        self.folder = folder
        self.options = options
        self.database = postgres.create_database()
        self.servers: list[Server] = []
        self.to_database: list[FaultProxy] = []
        self.to_broker: list[FaultProxy] = []
        self.http = httpx.AsyncClient(timeout=30, trust_env=False)

    @property
    def broker_url(self) -> str:
        return self.database if self.broker is self.postgres else self.broker.url

    async def start(self, *, is_proxied: bool) -> None:
        for number in range(2):
            folder = self.folder / f"process-{number}"
            folder.mkdir()
            database, broker = self.database, self.broker_url
            if is_proxied:
                self.to_database.append(await FaultProxy(self.postgres.port).__aenter__())
                self.to_broker.append(await FaultProxy(self.broker.port).__aenter__())
                database = self.to_database[-1].url_of(database)
                broker = self.to_broker[-1].url_of(broker)
            engines = {
                "database_url": database,
                "broadcast_url": broker,
                "attachments_url": f"file:{self.folder / 'attachments'}",
            }
            self.servers.append(Server(folder, **(engines | OPTIONS | self.options)))
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in self.servers))

    async def stop(self) -> None:
        """Whatever was done to them, they end well."""
        await asyncio.gather(*(asyncio.to_thread(self._ends_well, s) for s in self.servers))

    async def end(self) -> None:
        for server in self.servers:
            server.end()
        for proxy in (*self.to_database, *self.to_broker):
            await proxy.__aexit__()
        await self.http.aclose()

    def _ends_well(self, server: Server) -> None:
        assert server.process is not None
        assert server.process.poll() is None, f"it ended:\n{server.said()}"
        code = server.stop()
        said = server.log.read_text(errors="replace")
        assert "never retrieved" not in said, said[-8000:]
        assert code == 0, said[-8000:]

    # ------------------------------------------------------------ people

    @property
    def people(self) -> tuple[Person, Person]:
        first, second = self.servers
        return Person(first, self.http, 1, "ada"), Person(second, self.http, 2, "bob")

    @property
    def ada(self) -> Person:
        return self.people[0]

    @property
    def bob(self) -> Person:
        return self.people[1]

    @asynccontextmanager
    async def talking(self, *ways: FaultProxy) -> AsyncIterator["Talk"]:
        """Both write all the time; afterwards everybody must have the same, true log.

        The `ways`, if given, are the networks by which ada and bob reach their processes.
        """
        talk = Talk(self, await self.ada.opens(self.bob), *ways)
        living = [asyncio.create_task(member.run()) for member in talk.members]
        writing: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(*(member.enters() for member in talk.members))
            writing += [asyncio.create_task(writer.write()) for writer in talk.writers]
            await talk.goes_on()
            yield talk
            await end(writing)
            await talk.comes_to_rest()
        finally:
            await end([*writing, *living])
        await talk.is_true()

    # ------------------------------------------------------------ what must hold

    async def readiness(self, person: Person) -> tuple[int, dict[str, str]]:
        answer = await person.get("/readyz")
        return answer.status_code, answer.json()

    def connections(self) -> int:
        """Of the pools of both processes."""
        ours = done(
            execute(
                self.database,
                "select count(*) from pg_stat_activity"
                " where application_name = 'roomcast' and datname = current_database()",
            )
        )
        return int(ours)

    def memory(self) -> int:
        """Bytes that both processes hold."""
        return sum(
            int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * PAGE
            for server in self.servers
        )

    def files(self) -> int:
        """That both processes have open, connections among them."""
        return sum(len(list(Path(f"/proc/{s.pid}/fd").iterdir())) for s in self.servers)

    async def recovers(self, within: float = LONG) -> None:
        """Both processes have found all their engines again."""
        deadline = time.monotonic() + within
        for person in self.people:
            while (said := (await self.readiness(person))[1]) != dict.fromkeys(said, "ok"):
                assert time.monotonic() < deadline, f"{person.name}, after {within} s: {said}"

    async def is_sound(self) -> None:
        """All engines answer, and nothing was left behind."""
        await self.recovers()
        for person in self.people:
            assert (await self.readiness(person))[0] == 200
        assert await asyncio.to_thread(self.connections) <= 2 * POOL


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Whatever they raised before is raised here."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


class Talk:
    """A room in which ada and bob write; ada also listens in a tab on bob's process."""

    def __init__(self, cluster: Cluster, room: int, *ways: FaultProxy) -> None:
        self.cluster = cluster
        self.room = room
        self.may_be_stored = False  # whether an answer of the database to a commit may be cut off
        ada, bob = cluster.people
        for person, way in zip((ada, bob), ways, strict=False):
            person.server = copy(person.server)
            person.server.sockets_url = f"ws://127.0.0.1:{way.port}"
        tab = Person(cluster.bob.server, cluster.http, ada.id, "ada")
        self.writers = [Member(ada, room, "ada"), Member(bob, room, "bob")]
        self.members = [*self.writers, Member(tab, room, "ada's tab", receipts="compact")]

    async def goes_on(self, number: int = 20, within: float = LONG) -> None:
        """Everybody hears so many more."""
        await all_hear_more(self.members, number, within)

    @property
    def connections(self) -> list[int]:
        """How often each has connected."""
        return [len(member.history.connections) for member in self.members]

    async def comes_to_rest(self) -> None:
        """Everything sent is answered, everybody has heard everything, and all is read."""
        for writer in self.writers:
            await writer.say()  # after the edits and deletions that nobody waits for
            await writer.until(lambda w=writer: not w.unanswered, f"{writer.name} is answered")
        version = await self.version()
        for member in self.members:
            await member.until(
                lambda m=member: m.view.cursor >= version, f"{member.name} hears {version}"
            )
        for member in self.members:
            await member.until(lambda m=member: self._is_read(m), f"{member.name} sees all read")

    def _is_read(self, member: Member) -> bool:
        newest: dict[int, int] = {}
        for id_, message in member.view.messages.items():
            newest[message["sender_id"]] = max(id_, newest.get(message["sender_id"], 0))
        return all(member.view.rank(id_) == 2 for id_ in newest.values())

    async def version(self) -> int:
        async with self.cluster.ada.enters(self.room, after=0, receipts="manual") as socket:
            version: int = socket.first["version"]
            return version

    async def is_true(self) -> None:
        stored = await self.cluster.bob.reads_all(self.room)
        assert len(stored) > 20
        histories = [member.history for member in self.members]
        may_be_stored = self.may_be_stored or is_starved()
        check(histories, stored, await self.version(), may_be_stored=may_be_stored)
