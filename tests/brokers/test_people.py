"""News of a user reach every process that follows him, on each broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from roomcast.realtime.brokers import GAP
from roomcast.realtime.hub import Fanout
from roomcast.realtime.user_channels import News

from .hearing import WITHIN


class Listener:
    """A follower that writes down what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()

    def hear(self, news: News) -> None:
        self.told.put_nowait(news)

    def doubt(self, user_id: str) -> None:
        self.told.put_nowait(user_id)

    async def next(self) -> Any:
        async with asyncio.timeout(WITHIN):
            return await self.told.get()


@asynccontextmanager
async def fanout(url: str) -> AsyncIterator[Fanout]:
    one = Fanout(url, None)  # type: ignore[arg-type] # no room asks for anything here
    await one.open()
    try:
        yield one
    finally:
        await one.aclose()


async def test_news_reach_who_follows_the_user_and_nobody_else(server) -> None:
    async with fanout(server.url) as here, fanout(server.url) as there:
        follower, other = Listener(), Listener()
        await there.follow("a/1 🙂\n", follower)
        await there.follow("2", other)
        await here.tell(News("a/1 🙂\n", [4]))
        await here.tell(News("2", is_cut=True))
        assert await follower.next() == News("a/1 🙂\n", [4])
        assert await other.next() == News("2", [], is_cut=True)
        there.unfollow("2", other)
        await here.tell(News("2", [1]))
        await here.tell(News("a/1 🙂\n", [5]))
        assert await follower.next() == News("a/1 🙂\n", [5])
        assert other.told.empty()


async def test_every_follower_doubts_when_news_may_be_lost(server) -> None:
    async with fanout(server.url) as there:
        followers = [Listener(), Listener()]
        for user_id, follower in zip("12", followers, strict=True):
            await there.follow(user_id, follower)
        there._backend._tell_gap()
        assert [await follower.next() for follower in followers] == ["1", "2"]
        await there._backend.publish("person:2", GAP)
        assert await followers[1].next() == "2"
        assert followers[0].told.empty()


async def test_a_chat_that_is_alone_tells_itself() -> None:
    async with fanout("memory://") as alone:
        first, second = Listener(), Listener()
        await alone.follow("1", first)
        await alone.follow("1", second)
        alone.unfollow("1", first)
        await alone.tell(News("1", [7]))
        assert await second.next() == News("1", [7])
        assert first.told.empty()
        alone.unfollow("1", second)
        assert list(alone.people) == []
