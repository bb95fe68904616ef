"""Checks of refusals: the right code, to this socket alone, and nothing is stored."""

import asyncio
from typing import Any

from ..account import BrokenPromise, refusal_problems
from ..stage import Stage, check

SEARCHES = 30  # at once; each counts as four actions
FLOOD = 300  # actions at once, more than the documented burst of 200
UNSENDABLE: list[tuple[str | bytes, str, str]] = [
    ("{", "invalid_json", "half an object"),
    ("nonsense", "invalid_json", "no JSON"),
    ("[]", "invalid_frame", "a list"),
    ("1", "invalid_frame", "a number"),
    ("{}", "invalid_frame", "no action"),
    ('{"action":"dance"}', "invalid_frame", "an unknown action"),
    ('{"action":"send","message":5}', "invalid_frame", "a text that is none"),
    ('{"action":"send","message":"x","client_id":5}', "invalid_frame", "a client_id that is none"),
    ('{"action":"send","message":""}', "empty_message", "an empty message"),
    ('{"action":"send"}', "empty_message", "a message of nothing"),
    ('{"action":"send","message":"a\\u0000b"}', "invalid_frame", "a NUL in a text"),
    ('{"action":"send","message":"\\ud800"}', "invalid_frame", "a lone surrogate"),
    ('{"action":"edit","message_id":1}', "invalid_frame", "an edit without text"),
    ('{"action":"edit","message_id":-1,"text":"x"}', "invalid_frame", "a negative id"),
    ('{"action":"edit","message_id":"007","text":"x"}', "invalid_frame", "an id with zeros"),
    ('{"action":"delete","message_id":true}', "invalid_frame", "an id that is a boolean"),
    ('{"action":"read","message_id":9007199254740992}', "invalid_frame", "an id of 2^53"),
    ('{"action":"auth","token":"nonsense"}', "", "a bad token"),
    (b'{"action":"ping"}', "invalid_frame", "a binary frame"),
]


@check("refusals")
async def check_bad_frames_are_refused(stage: Stage) -> None:
    """Each is answered with its code, to this socket alone, and the socket stays open."""
    room = await stage.open_room()
    async with (
        stage.enter(stage.ada, room, after=0) as a,
        stage.enter(stage.bob, room, after=0, receipts="compact") as b,
    ):
        for data, code, what in UNSENDABLE:
            await a.send(data)
            error = await a.expect("error")
            if code:
                stage.equal(error["code"], code, f"{what} is {code}")
        await a.send_message("the socket is still open")
        await b.expect_message("the socket is still open")
        others = [f for f in b.frames if f.get("type") not in ("sync", "chat_message", "receipt")]
        stage.equal(others, [], "nobody else sees anything of a refused frame")
    stored = [message["text"] for message in await stage.read_all(stage.bob, room)]
    stage.equal(stored, ["the socket is still open"], "a refused frame stores nothing")


@check("refusals")
async def check_errors_name_what_failed(stage: Stage) -> None:
    """An error names the action, the client_id and the message that it is about."""
    room, elsewhere = await stage.open_room(), await stage.busy_room()
    foreign = (await stage.post(stage.ada, elsewhere, "elsewhere"))["message_id"]
    limits = stage.deployment.config.get("limits", {})
    limit, longest = limits.get("max_text_length", 4_000), limits.get("max_client_id_length", 64)
    async with stage.enter(stage.ada, room, after=0) as a:
        error = await a.refusal("send", message=" \n", client_id="n1")
        found = error["code"], error.get("action"), error.get("client_id")
        stage.equal(found, ("empty_message", "send", "n1"), "an error names action and client_id")
        error = await a.refusal("send", message="x" * (limit + 1), client_id="n2")
        found = error["code"], error.get("action"), error.get("client_id")
        stage.equal(found, ("too_long", "send", "n2"), "a text over the limit is too_long")
        error = await a.refusal("send", message="x", client_id="c" * (longest + 1))
        stage.equal(error["code"], "invalid_frame", "a client_id that is too long is refused")
        cases: dict[str, dict[str, Any]] = {"edit": {"text": "x"}, "delete": {}}
        cases["react"] = {"emoji": "👍"}
        for action, fields in cases.items():
            error = await a.refusal(action, message_id=foreign, **fields)
            found = error["code"], error.get("action"), error.get("message_id")
            wanted = ("not_found", action, foreign)
            stage.equal(found, wanted, "an id of another room is not_found, and named")
        await a.settle()
        stage.equal(len(a.seen("error")), 6, "each refusal is answered once")


@check("refusals")
async def check_a_frame_over_the_limit_closes_the_socket(stage: Stage) -> None:
    """A frame over the limit ends the socket with 1009, and nothing of it is stored."""
    room = await stage.empty_room()
    limit = stage.deployment.config.get("limits", {}).get("max_frame_size", 16 * 2**20)
    async with stage.enter(stage.ada, room, after=0) as a:
        try:
            await a.act("send", message="x" * limit)
            code = await a.closes()
        except BrokenPromise:  # it was closed before all of it was sent
            code = a.connection.close_code or 1006
        stage.equal(code, 1009, "a frame over the limit closes with 1009")
    stage.equal(await stage.read_all(stage.ada, room), [], "and stores nothing")


@check("refusals", alone=True)
async def check_a_flood_is_refused(stage: Stage) -> None:
    """Above the rate limit actions are refused with rate_limited; the socket stays open."""
    room = await stage.busy_room()
    async with stage.enter(stage.ada, room, after=0, receipts="compact") as a:
        for _ in range(FLOOD):
            await a.connection.send('{"action":"typing"}')
        await a.connection.send('{"action":"history","limit":1}')
        while not a.seen("history") and not a.seen("error", action="history"):
            await a.receive()
        codes = {frame["code"] for frame in a.seen("error")}
        problems = await _refuse_searches(stage)
        stage.equal(problems, [], "429 says when to come back")
        named = {frame.get("action") for frame in a.seen("error", code="rate_limited")}
        stage.holds(named <= {"typing", "history"}, "rate_limited names the action", str(named))
        if not codes:
            stage.report.note(f"{FLOOD} actions at once met no rate limit")
        stage.holds(codes <= {"rate_limited"}, "a flood is answered with rate_limited", codes)
        await asyncio.sleep(4.0 if codes else 0.0)
        await a.send_message("the socket is still open")


async def _refuse_searches(stage: Stage) -> list[str]:
    """Search so often at once that some are refused; return what is wrong with the refusals."""
    url = f"{stage.deployment.base}/api/v1/chat/search/?q=verify"
    headers = {"Authorization": f"Bearer {stage.ada.token}"}
    searches = (stage.ada.http.get(url, headers=headers) for _ in range(SEARCHES))
    answers = await asyncio.gather(*searches)
    refused = [answer for answer in answers if answer.status_code != 200]
    return sorted({problem for answer in refused for problem in refusal_problems(answer)})


@check("refusals")
async def check_a_bad_utf8_text_closes_the_socket(stage: Stage) -> None:
    """A text that is not UTF-8 ends the socket with 1007 (RFC 6455, 8.1)."""
    room = await stage.empty_room()
    async with stage.enter(stage.ada, room, after=0) as a:
        a.connection.protocol.send_text(b'{"action":"send","message":"\xff"}')
        a.connection.send_data()
        stage.equal(await a.closes(), 1007, "a text that is not UTF-8 closes with 1007")
    stage.equal(await stage.read_all(stage.ada, room), [], "and stores nothing")
