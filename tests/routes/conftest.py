"""A chat in the test's own process, with settings of the test's own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from roomcast.app import App, create_app

SITE = "http://chat.test"
SECRET = "a secret that only these tests know, long enough"

Json = dict[str, Any]
Make = Callable[..., App]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A chat of the test's own, with other settings where it wants some."""

    def app(**sections: Json) -> App:
        own: dict[str, Json] = {
            "database": {"url": f"sqlite:///{tmp_path}/chat.db"},
            "attachments": {"url": f"file:{tmp_path}/attachments"},
            "auth": {"secret": SECRET},
        }
        return create_app(own | {k: own.get(k, {}) | v for k, v in sections.items()})

    return app


@asynccontextmanager
async def running(app: App, around: Any = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(around or app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        yield client


@pytest.fixture
def app(make: Make) -> App:
    return make()


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def schema(client: httpx.AsyncClient) -> Json:
    found: Json = (await client.get("/en/api/v1/schema/")).json()
    return found
