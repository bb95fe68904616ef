"""A chat served with asyncio's debug mode on, by a loop that notes what keeps it from others.

Prints its port; then, for each line of its stdin, begins a new chapter and prints what it has noted
of the last one, as JSON.
"""

import asyncio
import json
import sys
import threading
import time
from asyncio import events
from pathlib import Path
from typing import Any

from roomcast.app import create_app
from roomcast.server.listen import listen
from roomcast.server.uvicorn_server import Server, config

WAITS = ("open", "os.", "socket.connect", "socket.get", "sqlite3.", "subprocess.", "time.sleep")
RUNS = events.Handle._run

is_watching = False
longest = 0.0  # callback of this chapter, in CPU seconds
waited: list[str] = []  # what may have waited for a disk or a peer


def measured(handle: events.Handle) -> None:
    """The clock is the thread's own: other programs on the machine are not our fault."""
    global longest
    begin = time.thread_time()
    RUNS(handle)
    longest = max(longest, time.thread_time() - begin)


def audited(event: str, arguments: tuple[Any, ...]) -> None:
    ours = threading.current_thread() is threading.main_thread()
    # A module that is loaded at its first use is no wait, nor a source that debug mode quotes.
    is_source = event == "open" and str(arguments[0]).endswith((".py", ".pyc"))
    if ours and is_watching and event.startswith(WAITS) and not is_source:
        waited.append(f"{event} {arguments}"[:200])


def read_chapters() -> None:
    global is_watching, longest
    for _ in sys.stdin:
        say(json.dumps({"took": longest, "waited": waited}))
        longest, is_watching = 0.0, True
        waited.clear()
    is_watching = False


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(folder: Path, secret: str) -> None:
    chat = create_app(
        {
            "database": {"url": f"sqlite:///{folder}/chat.db"},
            "attachments": {"url": f"file:{folder}/attachments"},
            "auth": {"secret": secret},
            "rate_limit": {"rate": 0},
        }
    )
    sockets = listen("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    async with chat.lifespan():
        server = Server(config(chat, chat.settings), lambda: say(port))
        serving = asyncio.create_task(server.serve(sockets=sockets))
        await asyncio.to_thread(read_chapters)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    events.Handle._run = measured  # type: ignore[method-assign]
    sys.addaudithook(audited)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]), debug=True)
