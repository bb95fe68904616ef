"""Measures the page against its budgets and prints a table: `python -m tests.browser.measure`.

Times depend on the machine, so no test asserts them: each is the median of several, beside the load
of the machine. Sizes are asserted by `tests/web`.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from playwright.sync_api import Browser, CDPSession, Page, Request, sync_playwright

from .conftest import SELECT, SERVE, Room, Server, chromium_of, token_of
from .first_message import WATCH, FirstMessage, wait_for_first_message
from .traffic import ROOMS, Watched, switches, traffic

MANY = 5_000
AT_ONCE = 8  # requests that fill the long room
OLDEST, NEWEST = "the oldest of all", "the newest of all"
TIMES = 7  # that a first message is waited for
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
TASKS = """
window.tasks = [];
new PerformanceObserver((all) => window.tasks.push(...all.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""


def rows(browser: Browser, server: Server) -> Iterator[tuple[str, object, str]]:
    """What was measured, the value, and the budget."""
    room = Room(server, "a short one")
    for number in range(30):
        room.post("bob", f"message {number}")
    yield from first_message(browser, room)
    yield from slow_first_message(browser, room)
    long = Room(server, "a long one")
    oldest = long.post("bob", OLDEST)
    fill(long)
    long.post("bob", NEWEST)
    yield from long_room(browser, long)
    yield from reached(browser, long, room, oldest)
    yield from busy(browser, server)


def fill(room: Room) -> None:
    """Posts so many messages of bob, some at a time."""
    url = f"{room.server.url}en/api/v1/chat/rooms/{room.id}/messages/"
    headers = {"Authorization": f"Bearer {token_of('bob')}"}
    with httpx.Client(headers=headers, timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for answer in pool.map(lambda n: client.post(url, json={"message": str(n)}), range(MANY)):
            assert answer.is_success, answer.text


def opened(browser: Browser, *, is_slow: bool = False) -> tuple[Page, CDPSession]:
    page = browser.new_context().new_page()
    page.add_init_script(TASKS + WATCH)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    if is_slow:
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    return page, session


def enter(page: Page, room: Room) -> FirstMessage:
    url = f"{room.server.url}#token={token_of('ada')}&room={room.id}"
    return wait_for_first_message(page, url)


def first_message(browser: Browser, room: Room) -> Iterator[tuple[str, object, str]]:
    page, _ = opened(browser)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    asked = enter(page, room).asked
    page.locator("[part=item]").first.wait_for()  # what was asked for is there
    counted = [one for one in requests if one.url in asked or one.is_navigation_request()]
    yield "requests until the first message", len(asked), "3 and the page"
    sizes = [one.sizes()["responseBodySize"] for one in counted]
    yield "bytes until then", sum(sizes), "61,440"
    page.context.close()
    yield from times_of(browser, room, "local", "400 ms")


def slow_first_message(browser: Browser, room: Room) -> Iterator[tuple[str, object, str]]:
    yield from times_of(browser, room, "slow 4G, CPU / 4", "1,500 ms", is_slow=True)


def times_of(
    browser: Browser, room: Room, where: str, budget: str, *, is_slow: bool = False
) -> Iterator[tuple[str, object, str]]:
    """Medians of visits by people who were never here, the fastest and the slowest of them."""
    found = []
    for _ in range(TIMES):
        page, _ = opened(browser, is_slow=is_slow)
        found.append(enter(page, room))
        page.context.close()
    inserted, painted = ([getattr(one, name) for one in found] for name in ("inserted", "painted"))
    yield f"first message in the page, {where}", median_of(inserted), budget
    yield f"first message on the screen, {where}", median_of(painted), budget


def median_of(found: list[float]) -> str:
    load = os.getloadavg()[0]
    span = f"{min(found):.0f} to {max(found):.0f}, load {load:.1f}"
    return f"{statistics.median(found):.0f} ms ({span})"


def long_room(browser: Browser, room: Room) -> Iterator[tuple[str, object, str]]:
    page, session = opened(browser)
    enter(page, room)
    page.locator("[part=input]").wait_for()
    yield "entering, longest task", longest(page), "100 ms"
    scroller = page.locator("[part=messages]")
    for _ in range(40):
        scroller.evaluate("box => box.scrollTo(0, 0)")
        page.wait_for_timeout(50)
    yield "rows in the DOM after 40 pages", scroller.locator("li").count(), "250"
    metrics = session.send("Performance.getMetrics")["metrics"]
    heap = next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize")
    yield "heap", f"{heap / 1e6:.1f} MB", "15 MB"
    page.evaluate("window.tasks = []")
    for number in range(5):
        room.post("bob", f"news {number}")
    page.locator("[part=item]", has_text="news 4").wait_for()
    yield "a new message, longest task", longest(page), "50 ms"
    page.context.close()


def reached(
    browser: Browser, room: Room, other: Room, oldest: int
) -> Iterator[tuple[str, object, str]]:
    """From another room into the long one, and from there to its oldest message."""
    page, _ = opened(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(str(frame)))
    )
    enter(page, room)
    page.locator(f"[part=item][data-room='{other.id}']").click()
    page.locator("[part=messages]", has_text="message 29").wait_for()
    page.evaluate("window.tasks = []")
    page.locator(f"[part=item][data-room='{room.id}']").click()
    page.locator("[part=messages]", has_text=NEWEST).wait_for()
    yield "entering again, longest task", longest(page), "100 ms"
    asked.clear()
    page.evaluate(SELECT, [room.id, oldest])
    page.locator("[part=messages]", has_text=OLDEST).wait_for()
    trips = [one for one in asked if '"history"' in one or "/messages/" in one]
    yield "round trips to the oldest message", len(trips), "2"
    page.context.close()


def busy(browser: Browser, server: Server) -> Iterator[tuple[str, object, str]]:
    rooms = [Room(server, f"listing:{number}") for number in range(ROOMS)]
    for room in rooms:
        room.post("bob", "Is it still there?")
    page, session = opened(browser)
    enter(page, rooms[0])
    page.locator("[part=item]").nth(ROOMS // 2).wait_for()
    watched = Watched(page, session)
    yield from traffic(browser, watched, rooms[0])
    yield from switches(watched)
    page.context.close()


def longest(page: Page) -> str:
    found = page.evaluate("Math.max(0, ...window.tasks)")
    return f"{found:.0f} ms" if found else "under 50 ms"


def main() -> None:
    os.environ["ROOMCAST_RATE_LIMIT_RATE"] = "0"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder), SERVE, "serve", "--host", "127.0.0.1")
        browser = playwright.chromium.launch(executable_path=chromium_of(playwright))
        try:
            for name, value, budget in rows(browser, server):
                print(f"{name:48} {value!s:>36}   budget {budget}", flush=True)  # noqa: T201
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
