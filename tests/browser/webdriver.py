"""One page of a browser that Playwright does not drive, for tests that run in several engines."""

import json
from abc import ABC, abstractmethod
from typing import Any

WITHIN = 60  # seconds for an answer
# Elements by their part, in whatever shadow they stand.
LOOK = """
const all = (root, selector) => [...root.querySelectorAll("*")].flatMap((one) => {
    const inside = one.shadowRoot ? all(one.shadowRoot, selector) : [];
    return one.matches(selector) ? [one, ...inside] : inside;
});
const part = (name) => all(document, `[part~="${name}"]`);
const texts = () => part("text").map((one) => one.textContent);
"""


class Tab(ABC):
    """What a test does in a page; each driver says how."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    @abstractmethod
    def opens(self, url: str) -> None:
        """Navigates, and returns when the document is loaded."""

    @abstractmethod
    def reloads(self) -> None:
        """Loads the document again."""

    @abstractmethod
    def resizes(self, width: int, height: int) -> None:
        """Makes the window so large, in pixels of CSS."""

    @abstractmethod
    def evaluate(self, body: str) -> Any:
        """Runs the body of an asynchronous function in the page and returns its value."""

    @abstractmethod
    def perform(self, actions: list[dict[str, Any]]) -> None:
        """Performs actions of input devices, as WebDriver defines them."""

    def sees(self, what: str) -> Any:
        """Waits until an expression over `part` and `texts` is true, and returns its value."""
        found = self.evaluate(f"""
            {LOOK}
            for (;;) {{
                const found = {what};
                if (found) return JSON.stringify(found);
                await new Promise((next) => setTimeout(next, 20));
            }}""")
        return json.loads(found)

    def take_errors(self) -> list[str]:
        """Errors of the console since this was asked last."""
        taken, self.errors = self.errors, []
        return taken

    def does(self, what: str) -> None:
        self.sees(f"({what}, true)")

    def types(self, keys: str) -> None:
        """Keys of a keyboard, one after the other; \\ue007 is Enter, \\ue00c Escape."""
        down = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.perform([{"type": "key", "id": "keyboard", "actions": down}])
