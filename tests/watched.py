"""A chat served with asyncio's debug mode on, by a loop that notes what keeps it from others.

Prints its port; then, for each line of its stdin, starts a new chapter of that name; at the end all
that it has noted, as JSON.
"""

import asyncio
import json
import sys
import threading
import time
from asyncio import events
from collections import defaultdict
from pathlib import Path
from typing import Any

from roomcast import serve
from roomcast.app import create_app

WAITS = ("open", "os.", "socket.connect", "socket.get", "sqlite3.", "subprocess.", "time.sleep")
RUNS = events.Handle._run

chapter = "start"
took: dict[str, float] = defaultdict(float)  # the longest callback of each chapter, in CPU seconds
waited: dict[str, list[str]] = defaultdict(list)  # what may have waited for a disk or a peer


def measured(handle: events.Handle) -> None:
    """The clock is the thread's own: other programs on the machine are not our fault."""
    begin = time.thread_time()
    RUNS(handle)
    took[chapter] = max(took[chapter], time.thread_time() - begin)


def audited(event: str, arguments: tuple[Any, ...]) -> None:
    ours = threading.current_thread() is threading.main_thread()
    # A module that is loaded at its first use is no wait, nor a source that debug mode quotes.
    is_source = event == "open" and str(arguments[0]).endswith((".py", ".pyc"))
    if ours and event.startswith(WAITS) and not is_source and chapter not in ("start", "end"):
        waited[chapter].append(f"{event} {arguments}"[:200])


def read_chapters() -> None:
    global chapter
    for line in sys.stdin:
        chapter = line.strip()
        sys.stdout.write("\n")
        sys.stdout.flush()
    chapter = "end"


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def main(folder: Path, secret: str) -> None:
    chat = create_app(
        {
            "database": {"url": f"sqlite:///{folder}/chat.db"},
            "attachments": {"url": f"file:{folder}/attachments"},
            "auth": {"secret": secret},
            "limits": {"actions_per_second": 0},
        }
    )
    sockets = serve.listen("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    async with chat.lifespan():
        server = serve.Server(serve.config(chat, chat.settings), lambda: say(port))
        serving = asyncio.create_task(server.serve(sockets=sockets))
        await asyncio.to_thread(read_chapters)
        server.should_exit = True
        await serving
    say(json.dumps({"took": took, "waited": waited}))


if __name__ == "__main__":
    events.Handle._run = measured  # type: ignore[method-assign]
    sys.addaudithook(audited)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]), debug=True)
