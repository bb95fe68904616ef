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

WITHIN = 60  # seconds for an answer
PREFERENCES = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("intl.accept_languages", "en");
"""
# Elements by their part, in whatever shadow they stand.
LOOK = """
const all = (root, selector) => [...root.querySelectorAll("*")].flatMap((one) => {
    const inside = one.shadowRoot ? all(one.shadowRoot, selector) : [];
    return one.matches(selector) ? [one, ...inside] : inside;
});
const part = (name) => all(document, `[part~="${name}"]`);
const texts = () => part("text").map((one) => one.textContent);
"""


class Tab:
    """One page of a running Firefox."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._number = 0
        self.errors: list[str] = []
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

    def sees(self, what: str) -> Any:
        """Waits until an expression over `part` and `texts` is true, and returns its value."""
        script = f"""(async () => {{
            {LOOK}
            for (;;) {{
                const found = {what};
                if (found) return JSON.stringify(found);
                await new Promise((next) => setTimeout(next, 20));
            }}
        }})()"""
        target = {"context": self.context}
        more = {"target": target, "awaitPromise": True}
        answer = self.ask("script.evaluate", expression=script, **more)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def does(self, what: str) -> None:
        self.sees(f"({what}, true)")

    def types(self, keys: str) -> None:
        """Keys of a keyboard, one after the other; \\ue007 is Enter, \\ue00c Escape."""
        down = ({"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp"))
        source = {"type": "key", "id": "keyboard", "actions": list(down)}
        self.ask("input.performActions", context=self.context, actions=[source])


def firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def running(program: str, folder: Path) -> Iterator[Tab]:
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
                yield Tab(line)
        finally:
            process.kill()
            rest.join()


def address_in(output: Iterable[str]) -> str:
    """Where it listens, once it says so."""
    lines = (re.search(r"WebDriver BiDi listening on (ws://\S+)", line) for line in output)
    return next(str(found[1]) for found in lines if found)
