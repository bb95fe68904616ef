"""When the first message was in a page and on the screen, and what was asked for before."""

import json
from typing import NamedTuple

from playwright.sync_api import Page

# The page notes it itself: to be asked from outside costs a slow processor a part of the time.
WATCH = """
(() => {
    const drawn = (at) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();  // goes before timers, which begin what follows
        port1.onmessage = () => {
            const early = performance.getEntriesByType("resource").filter((one) => one.startTime < at);
            const asked = early.filter((one) => !one.name.startsWith("data:")).map((one) => one.name);
            console.debug("first message " + JSON.stringify([at, performance.now(), asked]));
        };
        port2.postMessage(null);
    });
    let isThere = false;
    const look = (root) => new MutationObserver(() => {
        if (isThere || !root.querySelector("[part~=message]")) return;
        isThere = true;
        drawn(performance.now());
    }).observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["part"] });
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
        const root = attach.call(this, how);
        look(root);
        return root;
    };
})();
"""  # noqa: E501


class FirstMessage(NamedTuple):
    inserted: float  # milliseconds after the navigation began
    painted: float
    asked: list[str]  # URLs of the requests that had begun by then, without the page and sockets


def wait_for_first_message(page: Page, url: str) -> FirstMessage:
    """Open a page that has run `WATCH` as its first script, and wait for its first message."""
    sign = "first message "
    with page.expect_console_message(lambda said: said.text.startswith(sign)) as said:
        page.goto(url, wait_until="commit")
    return FirstMessage(*json.loads(said.value.text.removeprefix(sign)))
