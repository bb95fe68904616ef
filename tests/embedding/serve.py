"""A site of docs/embedding on two ports: reached directly, and by a proxy that strips /site.

Prints the two ports when both listen; ends when its stdin does.
"""

import asyncio
import importlib
import json
import socket
import sys
from typing import Any

import uvicorn

PREFIX = "/site"


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, app: Any, **config: Any) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", **config))
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


async def main(name: str) -> None:
    sys.path.insert(0, "")
    app = importlib.import_module(name).app
    sockets = [listening(), listening()]
    direct = Server(app, lifespan="on")
    behind = Server(
        app,
        lifespan="off",  # it is the same app, and has begun
        root_path=PREFIX,
        ws="roomcast.server.websocket_protocol:WebSocketProtocol",
        ws_per_message_deflate=False,
    )
    serving = [asyncio.create_task(direct.serve(sockets[:1]))]
    await direct.listens.wait()
    serving.append(asyncio.create_task(behind.serve(sockets[1:])))
    await behind.listens.wait()
    sys.stdout.write(json.dumps([s.getsockname()[1] for s in sockets]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for server, task in zip((behind, direct), reversed(serving), strict=True):
        server.should_exit = True
        await task


def listening() -> socket.socket:
    made = socket.create_server(("127.0.0.1", 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits for 40 ms
    return made


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
