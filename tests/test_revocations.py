"""Whom the site cuts off: every socket of his ends with 4005, on every process."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_ws import AsyncWebSocketSession, WebSocketDisconnect, aconnect_ws
from httpx_ws.transport import ASGIWebSocketTransport
from roomcast.app import App, create_app
from roomcast.chat import bans
from roomcast.chat import revocations as module
from roomcast.protocol.errors import InvalidFrame
from roomcast.realtime.brokers import GAP, Unreachable
from roomcast.realtime.user_channels import EVERYBODY, UserEvent
from roomcast.store import revocations
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .engines import Engine
from .engines.postgres import Postgres
from .inside import served

WITHIN = 30.0
ADA, BOB = 2, 7


class Site:
    """Knows who is signed in, and takes its time to say so."""

    def __init__(self) -> None:
        self.signed_in = {str(ADA), str(BOB)}
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def user_of(self, connection: HTTPConnection) -> str | None:
        user = connection.headers.get("x-user")
        found = user if user in self.signed_in else None
        self.asked.set()
        await self.may_answer.wait()
        return found


class Process:
    """One process of the chat, and the sockets that people open there."""

    def __init__(self, app: App, http: httpx.AsyncClient) -> None:
        self.app = app
        self.http = http
        self.chat = app.state.chat

    @asynccontextmanager
    async def entered(self, user: int, room: int) -> AsyncIterator[AsyncWebSocketSession]:
        async with self.knocks(user, room) as socket:
            assert await socket.receive_json(WITHIN) == []
            yield socket

    def knocks(self, user: int, room: int) -> AbstractAsyncContextManager[AsyncWebSocketSession]:
        headers = {"X-User": str(user)}
        return aconnect_ws(f"/ws/chat/?room_id={room}", self.http, headers=headers)


Opens = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def opens(site: Site, tmp_path: Path) -> Opens:
    @asynccontextmanager
    async def open_(**settings: Any) -> AsyncIterator[Process]:
        own = {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": f"file:{tmp_path}/attachments"},
        }
        app = create_app(own | settings, authenticate=site.user_of)
        transport = ASGIWebSocketTransport(app)
        async with (
            app.lifespan(),
            httpx.AsyncClient(transport=transport, base_url="http://site.example") as http,
        ):
            yield Process(app, http)

    return open_


async def closed(socket: AsyncWebSocketSession) -> int:
    """The code with which the socket ends, and nothing else comes before."""
    with pytest.raises(WebSocketDisconnect) as end:
        await socket.receive(WITHIN)
    return end.value.code


async def closed_at_last(socket: AsyncWebSocketSession) -> int:
    """The code with which the socket ends, whatever comes before: somebody may be online."""
    while True:
        try:
            await socket.receive(WITHIN)
        except WebSocketDisconnect as end:
            return end.code


async def is_open(socket: AsyncWebSocketSession) -> bool:
    await socket.send_json({"action": "ping"})
    return bool(await socket.receive_json(WITHIN) == {"type": "pong"})


# ---------------------------------------------------------------- one process


async def test_all_sockets_of_the_user_end_and_nobody_elses(opens: Opens, site: Site) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        attic = (await here.app.open_room([ADA, BOB], context="attic")).id
        async with (
            here.entered(ADA, den) as first,
            here.entered(ADA, den) as second,
            here.entered(ADA, attic) as third,
            here.entered(BOB, den) as bob,
        ):
            site.signed_in.remove(str(ADA))
            await here.app.disconnect(ADA)
            assert [await closed(socket) for socket in (first, second, third)] == [4005] * 3
            assert await is_open(bob)
        async with here.knocks(ADA, den) as again:
            assert await closed(again) == 4001


async def test_nothing_reaches_the_user_afterwards(opens: Opens) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        async with here.entered(ADA, den) as ada, here.entered(BOB, den) as bob:
            await here.app.disconnect(str(ADA))
            await here.app.post(den, sender=BOB, text="She is gone")
            assert (await bob.receive_json(WITHIN))["message"]["status"] == "send"
            assert await closed(ada) == 4005


async def test_who_is_let_in_again_stays(opens: Opens) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        async with here.entered(ADA, den) as ada:
            await here.app.disconnect(ADA)
            assert await closed(ada) == 4005
        async with here.entered(ADA, den) as again:
            await here.chat.revocations.load_missed()
            assert await is_open(again)


async def test_a_socket_on_its_way_in_does_not_slip_past(opens: Opens, site: Site) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        site.may_answer.clear()
        async with here.knocks(ADA, den) as ada:
            await site.asked.wait()
            await here.app.disconnect(ADA)
            site.may_answer.set()
            assert await closed(ada) == 4005


async def test_what_still_waits_for_its_turn_is_not_done(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        page, began, may_go_on = here.chat.history.page, asyncio.Event(), asyncio.Event()
        read = []

        async def slow_page(*where: Any) -> Any:
            began.set()
            await may_go_on.wait()
            return await page(*where)

        async def slow_read(*what: Any) -> None:
            read.append(what)

        monkeypatch.setattr(here.chat.history, "page", slow_page)
        monkeypatch.setattr(here.chat.receipts, "read", slow_read)
        async with here.entered(ADA, den) as ada:
            await ada.send_json({"action": "history"})
            await ada.send_json({"action": "read", "message_id": 1})
            await began.wait()
            assert await is_open(ada), "and both have come in"
            await here.app.disconnect(ADA)
            may_go_on.set()
            assert await closed(ada) == 4005
        await here.chat.aclose()
        assert read == []


async def test_only_a_user_who_could_be_is_cut_off_by_a_chat_that_runs(opens: Opens) -> None:
    async with opens() as here:
        await here.app.disconnect("nobody has this id")
        for wrong in ("", True, None):
            with pytest.raises(InvalidFrame):
                await here.app.disconnect(wrong)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(RuntimeError, match="was not started"):
        await here.app.disconnect(ADA)


async def test_a_cut_is_not_remembered_for_ever(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opens() as here:
        began = time.monotonic()
        await here.app.disconnect(ADA)
        await here.chat.revocations.load_missed()
        assert here.chat.revocations.has(str(ADA), since=began)
        assert not here.chat.revocations.has(str(ADA), since=time.monotonic() + 1)
        assert not here.chat.revocations.has(str(BOB), since=began)
        monkeypatch.setattr(module, "RETENTION_PERIOD", 0.0)
        await here.chat.revocations.load_missed()
        assert not here.chat.revocations.has(str(ADA), since=began)
        assert here.chat.revocations.applied == {}


async def test_a_user_who_reads_nothing_is_cut_off_too(opens: Opens) -> None:
    async with opens() as here, served(here.app) as host:
        den = (await here.app.open_room([ADA, BOB])).id
        url, ada = f"ws://{host}/ws/chat/?room_id={den}", {"X-User": str(ADA)}
        async with connect(url, additional_headers=ada, proxy=None, max_queue=1) as socket:
            assert await socket.recv() == "[]"
            async with here.chat.hub.room(den) as room:
                (mine,) = room.connections
            while mine.send_queue.is_empty:  # until the connection takes nothing more
                await here.app.post(den, sender=BOB, text="x" * 4_000)
            await here.app.disconnect(ADA)
            assert mine.send_queue.is_empty, "what waited is dropped"
            with suppress(ConnectionClosed):
                async for _ in socket:
                    pass  # what had left before
            assert socket.close_code == 4005


# ---------------------------------------------------------------- several processes


@pytest.fixture(params=["valkey", "postgres"])
def broker(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def shared(opens: Opens, postgres: Postgres, broker: Engine) -> Opens:
    database = postgres.create_database()
    url = database if isinstance(broker, Postgres) else broker.url
    return partial(opens, database={"url": database}, broadcast={"url": url})


async def test_every_process_hears_of_it(shared: Opens) -> None:
    async with shared() as here, shared() as there:
        den = (await here.app.open_room([ADA, BOB])).id
        async with here.entered(ADA, den) as near, there.entered(ADA, den) as far:
            await here.app.disconnect(ADA)
            assert [await closed(near), await closed(far)] == [4005, 4005]
        async with there.entered(ADA, den) as again:
            await there.chat.revocations.load_missed()
            assert await is_open(again), "what was heard is not heard again from the database"


async def test_a_socket_on_its_way_in_elsewhere_does_not_slip_past(
    shared: Opens, site: Site
) -> None:
    async with shared() as here, shared() as there:
        den = (await here.app.open_room([ADA, BOB])).id
        async with there.entered(BOB, den) as bob:
            site.may_answer.clear()
            site.asked.clear()
            async with there.knocks(ADA, den) as ada:
                await site.asked.wait()
                await here.app.disconnect(ADA)
                await here.app.disconnect(BOB)
                assert await closed(bob) == 4005, "by now both were heard of there"
                site.may_answer.set()
                assert await closed(ada) == 4005


async def lose(*_: object) -> None:
    """The broker forgets it."""


async def refuse(*_: object) -> None:
    raise Unreachable("The broker is away.")


@pytest.mark.parametrize("fault", [lose, refuse])
async def test_what_the_broker_loses_is_in_the_database(
    opens: Opens, postgres: Postgres, valkey: Engine, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    engines = {
        "database": {"url": postgres.create_database()},
        "broadcast": {"url": valkey.url},
    }
    async with opens(**engines) as here, opens(**engines) as there:
        den = (await here.app.open_room([ADA, BOB])).id
        async with here.entered(ADA, den) as near, there.entered(ADA, den) as far:
            with monkeypatch.context() as broken:
                broken.setattr(here.chat.hub.channels.backend, "publish", fault)
                await here.app.disconnect(ADA)
            assert await closed(near) == 4005
            assert await is_open(far)
            there.chat.hub.user_channels.on_message(GAP)
            assert await closed(far) == 4005


@pytest.mark.parametrize("fault", [lose, refuse])
async def test_a_ban_that_no_broker_tells_of_is_found_within_a_minute(
    shared: Opens, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    """There is no gap to be seen: the broker took the event, and it came nowhere."""
    assert bans.REFRESH_INTERVAL <= 30
    monkeypatch.setattr(bans, "REFRESH_INTERVAL", 0.05)
    async with shared() as here, shared() as there:
        den = (await here.app.open_room([ADA, BOB])).id
        async with there.entered(ADA, den) as ada, there.entered(BOB, den) as bob:
            monkeypatch.setattr(here.chat.hub.channels.backend, "publish", fault)
            await here.app.ban(ADA, reason="spam")
            assert await closed_at_last(ada) == 4005
            await bob.send_json({"action": "ping"})
            while await bob.receive_json(WITHIN) != {"type": "pong"}:
                continue
        refused = await there.http.get("/api/v1/chat/receive/", headers={"X-User": str(ADA)})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        async with there.knocks(ADA, den) as again:
            assert await closed(again) == 4005


async def test_what_was_before_a_process_began_is_none_of_its_business(shared: Opens) -> None:
    async with shared() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        await here.app.disconnect(ADA)
        async with shared() as later, later.entered(ADA, den) as ada:
            await later.chat.revocations.load_missed()
            assert await is_open(ada)


async def test_the_database_forgets_what_no_process_could_still_miss(
    shared: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shared() as here:
        await here.app.disconnect(ADA)
        await here.chat.revocations.load_missed()
        assert [
            user for user, _ in await here.chat.store.read(partial(revocations.since, after=0))
        ] == [str(ADA)]
        monkeypatch.setattr(module, "LOAD_PERIOD", -1.0)
        await here.chat.revocations.load_missed()
        assert await here.chat.store.read(partial(revocations.since, after=0)) == []


async def test_each_cut_counts_whichever_clock_it_was_made_by(opens: Opens) -> None:
    async with opens() as here:
        den = (await here.app.open_room([ADA, BOB])).id
        for at in (2_000, 1_000):
            async with here.entered(ADA, den) as ada:
                here.chat.revocations.on_user_event(UserEvent(EVERYBODY, whom=str(ADA), at=at))
                here.chat.revocations.on_user_event(UserEvent(EVERYBODY, whom=str(ADA), at=at))
                assert await closed(ada) == 4005
