"""A chat with a key of the site, a user logged in, and a client of the server API."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from roomcast.testing import ChatClient, chat_client

KEY, OTHER_KEY = "k" * 32, "o" * 40


class Site(httpx.AsyncClient):
    """The site: it calls the server API of the chat that `ada` is in."""

    def __init__(self, ada: ChatClient, key: str = KEY) -> None:
        super().__init__(
            transport=ada.shared_transport,
            base_url="http://chat.test/api/v1/server/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            trust_env=False,
        )
        self.ada = ada

    async def room(self, *members: int | str, **fields: Any) -> int:
        answer = await self.post("rooms/", json={"members": list(members or (1, 2)), **fields})
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["room_id"])


@asynccontextmanager
async def a_site(
    settings: dict[str, dict[str, Any]] | None = None, **hooks: Any
) -> AsyncIterator[Site]:
    keys = {"server_api": {"keys": [KEY, OTHER_KEY]}}
    async with chat_client(1, {**keys, **(settings or {})}, **hooks) as ada:
        yield Site(ada)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site() as site:
        yield site


def with_key(site: Site, key: str) -> AbstractAsyncContextManager[Site]:
    return _other(site, key)


@asynccontextmanager
async def _other(site: Site, key: str) -> AsyncIterator[Site]:
    yield Site(site.ada, key)
