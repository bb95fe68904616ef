"""WebKitGTK, the engine of Safari in Debian, driven by its own WebDriver on a virtual display."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from .webdriver import WITHIN, Tab

BROWSERS = "*/webkit2gtk-4.*/MiniBrowser"
# WebKit's driver reports nothing of the console, so the page keeps its errors from its load on.
WATCH = """
const keep = (text) => (window.seenErrors ??= []).push(String(text));
for (const name of ["error", "unhandledrejection", "securitypolicyviolation"])
    addEventListener(name, (one) => keep(one.message ?? one.reason ?? one.violatedDirective));
console.error = (...all) => keep(all.join(" "));
"""


class WebKitTab(Tab):
    """The one page of a session with WebKitWebDriver."""

    def __init__(self, driver: httpx.Client, browser: str, *options: str) -> None:
        super().__init__()
        self._driver = driver
        own = {"binary": browser, "args": ["--automation", *options]}
        timeouts = {"script": WITHIN * 1000}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": own, "timeouts": timeouts}}
        self._session = ""
        self._session = f"/{self.ask('POST', '', capabilities=wanted)['sessionId']}"

    def ask(self, method: str, command: str, **params: Any) -> Any:
        """The value that a command of the session returns."""
        body = params if method == "POST" else None
        answer = self._driver.request(method, f"/session{self._session}{command}", json=body)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value

    def opens(self, url: str) -> None:
        self._keep_errors()
        self.ask("POST", "/url", url="about:blank")  # or another fragment would load nothing
        self.ask("POST", "/url", url=url)
        self.evaluate(WATCH)

    def reloads(self) -> None:
        self._keep_errors()
        self.ask("POST", "/refresh")
        self.evaluate(WATCH)

    def resizes(self, width: int, height: int) -> None:
        self.ask("POST", "/window/rect", width=width, height=height)

    def evaluate(self, body: str) -> Any:
        script = f"return (async () => {{ {body} }})()"
        return self.ask("POST", "/execute/sync", script=script, args=[])

    def perform(self, actions: list[dict[str, Any]]) -> None:
        self.ask("POST", "/actions", actions=actions)

    def _keep_errors(self) -> None:
        self.errors += self.evaluate("return window.seenErrors?.splice(0) ?? []")

    def take_errors(self) -> list[str]:
        self._keep_errors()
        return super().take_errors()

    def end(self) -> None:
        self.ask("DELETE", "")


def find_webkit() -> str | None:
    """The browser, where its driver and a virtual display are installed too."""
    found = sorted(str(path) for path in Path("/usr/lib").glob(BROWSERS))
    programs = all(shutil.which(name) for name in ("WebKitWebDriver", "Xvfb"))
    return found[-1] if found and programs else None


@contextmanager
def run_webkit(program: str, folder: Path) -> Iterator[Tab]:
    """A session of a browser that forgets all at its end."""
    with run_display() as display, run_driver(display, folder) as driver:
        tab = WebKitTab(driver, program)
        try:
            yield tab
        finally:
            tab.end()


@contextmanager
def run_display() -> Iterator[str]:
    options = ("-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(("Xvfb", *options), **pipes) as process:
        assert process.stdout is not None
        try:
            yield f":{int(process.stdout.readline())}"
        finally:
            process.terminate()


@contextmanager
def run_driver(display: str, folder: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "DISPLAY": display,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "LANG": "C.UTF-8",
    }
    command = ("WebKitWebDriver", f"--port={port}")
    with (folder / "driver.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WITHIN + 10) as driver:
            await_driver(driver)
            yield driver
    finally:
        process.terminate()
        process.wait()


def await_driver(driver: httpx.Client) -> None:
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            driver.get("/status")
            return
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "WebKitWebDriver does not answer"
            time.sleep(0.02)
