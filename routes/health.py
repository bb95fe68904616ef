"""Health checks and metrics, for load balancers and monitoring."""

import asyncio
import logging
from collections.abc import Awaitable

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .requests import Reply, chat_of

log = logging.getLogger("roomcast.health")
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus text format
ENGINE_TIMEOUT = 3.0  # seconds for each engine


class Alive(Struct):
    """The answer of a process that runs."""

    status: str


class Ready(Struct):
    """The state of each engine: `ok`, or its error."""

    database: str
    broker: str
    bucket: str


async def healthz(request: Request) -> Response:
    """Says that the process runs."""
    return Reply(Alive("ok"))


async def readyz(request: Request) -> Response:
    """Says whether the process can serve: 503 without a database or broker, and while it stops.

    A bucket that does not answer is named in a 200: messages without files still work, and other
    processes behind the balancer have the same bucket.
    """
    if request.app.is_draining:
        return Reply(Ready("draining", "draining", "draining"), status_code=503)
    chat = chat_of(request)
    checks = chat.check(), chat.hub.channels.check(), chat.attachments.bucket.check()
    database, broker, bucket = await asyncio.gather(*map(_state, checks))
    is_ready = database == broker == "ok"
    return Reply(Ready(database, broker, bucket), status_code=200 if is_ready else 503)


async def metrics(request: Request) -> Response:
    """Returns metrics for Prometheus."""
    text = await asyncio.to_thread(request.app.state.numbers.text)
    return Response(text, headers={"Content-Type": METRICS_TYPE})


async def _state(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(ENGINE_TIMEOUT):
            await check
    except TimeoutError:
        return f"no answer within {ENGINE_TIMEOUT:g} s"
    except Exception as error:  # any error of an engine is the answer
        log.warning("not ready: %s", error)
        return "unavailable"
    return "ok"


# fmt: off
routes = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz",  readyz,  methods=["GET"]),
]
counted = [Route("/metrics", metrics, methods=["GET"])]
