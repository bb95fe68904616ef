"""One person looks through a list of rooms: does it take longer where the rooms are many?"""

from time import perf_counter
from urllib.parse import urlsplit

import msgspec

from ..world import COLLECTOR
from .http import Http
from .member import Plan, percentile, token

API = "/api/v1/chat/receive/"
SIZE = 20
ASKED = {
    "page": "",
    "unread": "&unread=1",
    "word": "&q=listing",
    "context": "&context=order-7",
}


async def run(plan: Plan) -> dict:
    http = await Http(plan.ports[0]).open()
    proof, wrong = token(COLLECTOR, plan.secret), []
    took: dict[str, list[float]] = {name: [] for name in (*ASKED, "next")}
    paths = {name: f"{API}?page_size={SIZE}{asked}" for name, asked in ASKED.items()}
    began, following = perf_counter(), ""
    while perf_counter() < began + plan.warm + plan.seconds:
        is_warm = perf_counter() > began + plan.warm
        for name, path in [*paths.items(), ("next", "")]:
            start = perf_counter()
            body = msgspec.json.decode(await http.get(path or following, proof))
            took[name] += [(perf_counter() - start) * 1000] * is_warm
            if name == "page":
                parts = urlsplit(body["next"])
                following = f"{parts.path}?{parts.query}"
            if len(body["results"]) != (1 if name == "context" else SIZE):
                wrong.append(f"{name}: {len(body['results'])} rooms")
    http.close()
    p50s = {what: percentile(values, 0.5) for what, values in took.items()}
    return p50s | {"errors": len(wrong), "first_errors": wrong[:3]}
