"""Firefox, driven by WebDriver BiDi, which it speaks itself."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from websockets.sync.client import ClientConnection, connect

from .webdriver import WITHIN, Tab

PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("intl.accept_languages", "en");
"""


class FirefoxTab(Tab):
    """One page of a running Firefox."""

    def __init__(self, line: ClientConnection) -> None:
        super().__init__()
        self._line = line
        self._number = 0
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a command."""
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            said = json.loads(self._line.recv(timeout=WITHIN))
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.errors.append(str(said["params"]["text"]))
            if said.get("id") == self._number:
                assert said["type"] == "success", said
                return said["result"]

    def opens(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def reloads(self) -> None:
        self.ask("browsingContext.reload", context=self.context, wait="complete")

    def resizes(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self.context, viewport=size)

    def evaluate(self, body: str) -> Any:
        script = f"(async () => {{ {body} }})()"
        more = {"target": {"context": self.context}, "awaitPromise": True}
        answer = self.ask("script.evaluate", expression=script, **more)
        assert answer["type"] == "success", answer
        return answer["result"].get("value")

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self.ask("input.performActions", context=self.context, actions=actions)


def find_firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def run_firefox(program: str, folder: Path) -> Iterator[Tab]:
    """A Firefox with a profile of its own."""
    (folder / "user.js").write_text(PREFERENCES)
    options = ("--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port=0")
    with subprocess.Popen((program, *options), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = address_in(process.stderr)
        rest = Thread(target=process.stderr.read)
        rest.start()  # or the pipe would be full
        try:
            with connect(f"{address}/session", max_size=None) as line:
                yield FirefoxTab(line)
        finally:
            process.kill()
            rest.join()


def address_in(output: Iterable[str]) -> str:
    """Where it listens, once it says so."""
    lines = (re.search(r"WebDriver BiDi listening on (ws://\S+)", line) for line in output)
    return next(str(found[1]) for found in lines if found)
