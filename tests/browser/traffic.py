"""Half an hour of traffic in two minutes, and many changes of the room: what stays in the page."""

from collections.abc import Iterator

from playwright.sync_api import Browser, CDPSession, Page

from .conftest import Room, token_of

MESSAGES = 950  # each after a sign of typing; every ninth has a reaction
ROOMS = 41
SWITCHES = 60
# Somebody writes in a room, eight messages in a second.
WRITE = """
async ([url, token, count]) => {
    const socket = new WebSocket(url, ["Bearer", token]);
    await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
    const send = (frame) => socket.send(JSON.stringify(frame));
    const stored = (number) => new Promise((done) => {
        socket.onmessage = ({ data }) => {
            const { type, message } = JSON.parse(data);
            const isThis = type === "chat_message" && message.text === `traffic ${number}`;
            if (isThis) done(message.message_id);
        };
    });
    const begun = performance.now();
    for (let number = 1; number <= count; number++) {
        send({ action: "typing" });
        const done = stored(number);
        send({ action: "send", message: `traffic ${number}` });
        const message_id = await done;
        if (number % 9 === 0) send({ action: "react", message_id, emoji: "👍", on: true });
        await new Promise((next) => setTimeout(next, begun + number * 125 - performance.now()));
    }
    socket.close();
}
"""


class Watched:
    """A page, and what its process says of it."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page, self.session = page, session

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the page, without garbage."""
        self.session.send("HeapProfiler.collectGarbage")
        found = self.session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}


def traffic(browser: Browser, watched: Watched, room: Room) -> Iterator[tuple[str, object, str]]:
    """Bob writes while ada looks on; `watched` shows the room, beside a list of 41 rooms."""
    before = watched.metrics()
    writer = browser.new_context().new_page()
    writer.goto(f"{room.server.url}ui/")
    url = f"{room.server.url.replace('http', 'ws', 1)}ws/chat/?room_id={room.id}"
    writer.evaluate(WRITE, [url, token_of("bob"), MESSAGES])
    writer.context.close()
    watched.page.locator("[part=messages]", has_text=f"traffic {MESSAGES}").wait_for()
    after = watched.metrics()
    heaps = [f"{one['JSHeapUsedSize'] / 1e6:.1f}" for one in (before, after)]
    share = (after["TaskDuration"] - before["TaskDuration"]) / (
        after["Timestamp"] - before["Timestamp"]
    )
    name = f"{MESSAGES} messages"
    yield f"heap before and after {name}", f"{' → '.join(heaps)} MB", "15 MB"
    yield f"nodes after {name}", f"{after['Nodes']:.0f}", "(38,967 before)"
    yield f"main thread during {name}", f"{share:.0%}", "(38 % before)"


def switches(watched: Watched) -> Iterator[tuple[str, object, str]]:
    """Ada goes from room to room: what was shown before is free."""
    rows = watched.page.locator("[part=item]")
    found = []
    for _ in range(2):
        for number in range(SWITCHES // 2):
            rows.nth(number % 10).click()
            watched.page.locator("[part=item][aria-current=true]").wait_for()
        found.append(watched.metrics())
    heaps = " → ".join(f"{one['JSHeapUsedSize'] / 1e6:.1f}" for one in found)
    nodes = " → ".join(f"{one['Nodes']:.0f}" for one in found)
    yield f"heap after 30 and {SWITCHES} changes of the room", f"{heaps} MB", "no growth"
    yield f"nodes after 30 and {SWITCHES} changes of the room", nodes, "no growth"
