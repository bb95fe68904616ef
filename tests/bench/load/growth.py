"""One person looks around, one thing after another: does it take longer where more was said?"""

from time import perf_counter

from .http import Http
from .member import Member, Plan, Traffic, enter, percentile, token
from .wire import WIRES

READER = 1  # who is in all these rooms and has not read the newest messages
API = "/api/v1/chat"


async def run(plan: Plan) -> dict:
    http = await Http(plan.ports[0]).open()
    took: dict[str, list[float]] = {"list": [], "history": [], "join": []}
    proofs = {user: token(user, plan.secret) for _, two in plan.rooms for user in two}
    began = perf_counter()
    # At least once: on a slow machine all rooms may take longer.
    while perf_counter() < began + plan.warm + plan.seconds or not took["join"]:
        is_warm = perf_counter() > began + plan.warm
        for room, (_, other) in plan.rooms:
            seen = {
                "list": await _get(http, f"{API}/receive/", proofs[READER]),
                "history": await _get(http, f"{API}/rooms/{room}/messages/", proofs[READER]),
                "join": await _join(plan, room, other, proofs[other]),
            }
            for what, seconds in seen.items():
                took[what] += [seconds * 1000] * is_warm
    http.close()
    p50s = {what: percentile(values, 0.5) for what, values in took.items()}
    return p50s | {"errors": 0, "first_errors": []}


async def _get(http: Http, path: str, proof: str) -> float:
    began = perf_counter()
    await http.get(path, proof)
    return perf_counter() - began


async def _join(plan: Plan, room: int, user: int, proof: str) -> float:
    began = perf_counter()
    member = Member(room, user, Traffic(), WIRES[plan.wire])
    await enter(member, plan.ports[0], proof)
    seconds = perf_counter() - began
    await member.leave()
    return seconds
