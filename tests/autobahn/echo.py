"""A server that echoes messages, with the very protocol that `roomcast serve` uses.

`python -m tests.autobahn.echo WAY PORT`, where WAY is how messages come and go: `direct` by the
callbacks that the chat uses, `asgi` by `receive()` and `send()`, `uvicorn` by uvicorn's own
protocol, to compare with. It is no part of the product.
"""

import math
import sys
from typing import Any

import uvicorn
from roomcast.server.frame_reader import TEXT, frame_of
from roomcast.server.http_protocol import HttpProtocol
from roomcast.server.websocket_protocol import TRANSPORT_EXTENSION, WebSocketProtocol

LARGEST = 16 << 20  # bytes of a message, as in the largest cases


class PatientProtocol(WebSocketProtocol):
    """The cases send 65,536 fragments of 64 bytes, which `roomcast serve` takes for a flood."""

    flood_rate = math.inf


class DirectEcho(PatientProtocol):
    """Texts come by the callback, as to the chat. It is not told what binary messages hold."""

    def echo(self, text: bytes | None) -> None:
        assert text is not None
        self.transport.write(frame_of(TEXT, text))

    def _take_message(self, opcode: int, content: bytes) -> None:
        self.transport.write(frame_of(opcode, content))


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if isinstance(direct := scope["extensions"].get(TRANSPORT_EXTENSION), DirectEcho):
        direct.begin(direct.echo, lambda is_blocked: None)
    while (message := await receive())["type"] == "websocket.receive":
        await send(message | {"type": "websocket.send"})


WAYS: dict[str, dict[str, Any]] = {
    "direct": {"http": HttpProtocol, "ws": DirectEcho},
    "asgi": {"http": HttpProtocol, "ws": PatientProtocol},
    "uvicorn": {"ws": "websockets-sansio", "ws_per_message_deflate": False},
}


def main(way: str, port: str) -> None:
    uvicorn.run(
        echo, port=int(port), lifespan="off", log_level="critical", ws_max_size=LARGEST, **WAYS[way]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
