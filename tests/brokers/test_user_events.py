"""Events about a user reach every process that follows the user, on each broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from roomcast.realtime.brokers import GAP
from roomcast.realtime.brokers.connection import EVERYONE
from roomcast.realtime.hub import Hub
from roomcast.realtime.user_channels import UserEvent

from ..inside import Rows
from .receiving import WITHIN


class Listener:
    """A follower that writes down what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()

    def on_user_event(self, event: UserEvent) -> None:
        self.told.put_nowait(event)

    def on_gap(self, user_id: str) -> None:
        self.told.put_nowait(user_id)

    async def next(self) -> Any:
        async with asyncio.timeout(WITHIN):
            return await self.told.get()


@asynccontextmanager
async def a_hub(url: str) -> AsyncIterator[Hub]:
    one = Hub(url, Rows(), lambda *_: None)  # no room asks for anything here
    await one.open()
    try:
        yield one
    finally:
        await one.aclose()


async def test_news_reach_who_follows_the_user_and_nobody_else(server) -> None:
    async with a_hub(server.url) as here, a_hub(server.url) as there:
        follower, other = Listener(), Listener()
        await there.user_channels.follow("a/1 🙂\n", follower)
        await there.user_channels.follow("2", other)
        await here.user_channels.publish(UserEvent("a/1 🙂\n", [4]))
        await here.user_channels.publish(UserEvent("2", is_revoked=True))
        assert await follower.next() == UserEvent("a/1 🙂\n", [4])
        assert await other.next() == UserEvent("2", [], is_revoked=True)
        there.user_channels.unfollow("2", other)
        await here.user_channels.publish(UserEvent("2", [1]))
        await here.user_channels.publish(UserEvent("a/1 🙂\n", [5]))
        assert await follower.next() == UserEvent("a/1 🙂\n", [5])
        assert other.told.empty()


async def test_every_follower_doubts_when_news_may_be_lost(server) -> None:
    async with a_hub(server.url) as there:
        followers = [Listener(), Listener()]
        for user_id, follower in zip("12", followers, strict=True):
            await there.user_channels.follow(user_id, follower)
        await there.channels.backend.publish(EVERYONE, GAP)
        assert [await follower.next() for follower in followers] == ["1", "2"]
        await there.channels.backend.publish("person:2", GAP)
        assert await followers[1].next() == "2"
        assert followers[0].told.empty()


async def test_a_chat_that_is_alone_tells_itself() -> None:
    async with a_hub("memory://") as alone:
        first, second = Listener(), Listener()
        await alone.user_channels.follow("1", first)
        await alone.user_channels.follow("1", second)
        alone.user_channels.unfollow("1", first)
        await alone.user_channels.publish(UserEvent("1", [7]))
        assert await second.next() == UserEvent("1", [7])
        assert first.told.empty()
        alone.user_channels.unfollow("1", second)
        assert list(alone.user_channels) == []
