"""Is the process alive, do the engines answer, and how much is there to do?"""

import asyncio
import logging
from collections.abc import Awaitable

from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .requests import Reply, chat_of

log = logging.getLogger("roomcast.health")
PATIENCE = 3.0  # seconds for each engine


class Alive(Struct):
    """The process answers."""

    status: str


class Ready(Struct):
    """What each engine says: `ok`, or what is wrong with it."""

    database: str
    broker: str
    bucket: str


async def healthz(request: Request) -> Response:
    """The process lives."""
    return Reply(Alive("ok"))


async def readyz(request: Request) -> Response:
    """Database, broker and bucket answer; 503 says which does not."""
    chat = chat_of(request)
    checks = chat.check(), chat.fanout.check(), chat.attachments.bucket.check()
    said = await asyncio.gather(*map(_said, checks))
    return Reply(Ready(*said), status_code=200 if set(said) == {"ok"} else 503)


async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    text = await asyncio.to_thread(request.app.state.numbers.text)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


async def _said(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await check
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except Exception as error:  # whatever is wrong with an engine is what is asked for here
        log.warning("Not ready: %s", error)
        return "away"
    return "ok"


# fmt: off
routes = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz",  readyz,  methods=["GET"]),
]
counted = [Route("/metrics", metrics, methods=["GET"])]
