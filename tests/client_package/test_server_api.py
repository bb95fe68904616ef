"""Chat and AsyncChat: what they ask, what they read, and what they repeat."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from roomcast.client import (
    AsyncChat,
    Chat,
    ChatError,
    LocalFile,
    ResultPage,
    ServerUnreachable,
    backoff,
)

KEY = "k" * 32
Answer = httpx.Response | httpx.TransportError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two tries."""
    monkeypatch.setattr(backoff.Backoff, "next_delay", lambda *_, **__: 0.0)


class Script:
    """A server that gives these answers, one for each request, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    @property
    def chat(self) -> Chat:
        transport = httpx.MockTransport(self)
        return Chat("https://site.example/chat/", KEY, transport=transport)

    def asked(self, number: int = -1) -> tuple[str, str, Any]:
        request = self.requests[number]
        path = request.url.raw_path.decode().removeprefix("/chat/api/v1/server/")
        return request.method, path, json.loads(request.content) if request.content else None


def ok(body: Any = None, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body) if body is not None else httpx.Response(204)


def refused(code: str, status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "No."}, headers=headers)


CALLS: list[tuple[Callable[[Chat], Any], str, str, Any]] = [
    (lambda c: c.open_room([1, "ada"], context="listing:5", about={"title": "Bike"}),
     "POST", "rooms/", {"members": [1, "ada"], "context": "listing:5", "about": {"title": "Bike"}}),
    (lambda c: c.rooms(user="a/b", query="bike"), "GET", "rooms/?user_id=a%2Fb&q=bike", None),
    (lambda c: c.room(4), "GET", "rooms/4/", None),
    (lambda c: c.update_room(4, frozen=True, title=None), "PATCH", "rooms/4/",
     {"frozen": True, "title": None}),
    (lambda c: c.delete_room(4), "DELETE", "rooms/4/", None),
    (lambda c: c.add_member(4, 9), "POST", "rooms/4/members/", {"user_id": 9}),
    (lambda c: c.remove_member(4, "a/b"), "DELETE", "rooms/4/members/a%2Fb/", None),
    (lambda c: c.post(4, "Hi", client_id="n1", sender=None, data={"k": 1}), "POST",
     "rooms/4/messages/", {"text": "Hi", "client_id": "n1", "sender": None, "data": {"k": 1}}),
    (lambda c: c.post(4, client_id="n1", files=[LocalFile("a.txt", b"a")]), "POST",
     "rooms/4/messages/", {"text": "", "client_id": "n1",
      "files": [{"name": "a.txt", "size": 1, "type": "text/plain", "data": "YQ=="}]}),
    (lambda c: c.edit(4, 63, text="Hello", actions=[]), "PATCH", "rooms/4/messages/63/",
     {"text": "Hello", "actions": []}),
    (lambda c: c.delete_message(4, 63), "DELETE", "rooms/4/messages/63/", None),
    (lambda c: c.messages(4, before=63, limit=10), "GET",
     "rooms/4/messages/?before=63&limit=10", None),
    (lambda c: c.user(7), "GET", "users/7/", None),
    (lambda c: c.set_user("ü", name="Ü"), "PUT", "users/%C3%BC/", {"name": "Ü"}),
    (lambda c: c.erase_user(7), "DELETE", "users/7/", None),
    (lambda c: c.unread(7), "GET", "users/7/unread/", None),
    (lambda c: c.create_token(7, ttl=60), "POST", "users/7/token/", {"ttl": 60}),
    (lambda c: c.disconnect(7), "POST", "users/7/disconnect/", {}),
    (lambda c: c.ban(7, until=datetime(2027, 1, 2, tzinfo=UTC), reason="spam"), "PUT",
     "users/7/ban/", {"until": "2027-01-02T00:00:00+00:00", "reason": "spam"}),
    (lambda c: c.unban(7), "DELETE", "users/7/ban/", None),
    (lambda c: c.reports(), "GET", "reports/?state=open", None),
    (lambda c: c.resolve_report(3, "seen"), "PATCH", "reports/3/",
     {"state": "resolved", "note": "seen"}),
    (lambda c: c.stats(), "GET", "stats/", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    CALLS,
    ids=[f"{method} {path}" for _, method, path, _ in CALLS],
)
def test_each_call_asks_what_it_says(
    call: Callable[[Chat], Any], method: str, path: str, body: Any
) -> None:
    script = Script(ok({"results": [], "next": None}))
    call(script.chat)
    assert script.asked() == (method, path, body)
    assert script.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_both_clients_have_the_same_calls() -> None:
    public = {name for name in vars(Chat) if not name.startswith("_")} - {"close"}
    assert public == {name for name in vars(AsyncChat) if not name.startswith("_")} - {"aclose"}
    assert len(public) > 20


def test_answers_are_records() -> None:
    room = Script(ok({"room_id": 4, "title": "Garden", "later": 1}, 201)).chat.open_room([1, 2])
    assert (room.room_id, room["title"], room["later"], room.about) == (4, "Garden", 1, None)
    with pytest.raises(AttributeError):
        room.nonsense  # noqa: B018


def test_a_room_will_do_for_its_id() -> None:
    script = Script(ok({"room_id": 4}), ok({"message_id": 63}), ok({"message_id": 63}))
    room = script.chat.room(4)
    message = script.chat.post(room, "Hi")
    script.chat.edit(room, message, text="Ho")
    assert script.asked()[1] == "rooms/4/messages/63/"


def test_a_page_names_the_next_one() -> None:
    next_url = "https://site.example/chat/api/v1/server/rooms/?user_id=1&cursor=ab%3D"
    first = Script(ok({"results": [{"room_id": 4}], "next": next_url})).chat.rooms(user=1)
    assert isinstance(first, ResultPage)
    assert (first[0].room_id, first.cursor, first.has_more) == (4, "ab=", True)
    last = Script(ok({"messages": [{"message_id": 1}], "has_more": False})).chat.messages(4)
    assert (last[0].message_id, last.cursor, last.has_more) == (1, None, False)


def test_a_refusal_is_an_error_with_its_code() -> None:
    with pytest.raises(ChatError) as refusal:
        Script(refused("not_found", 404)).chat.room(4)
    error = refusal.value
    assert (error.code, error.status, error.detail) == ("not_found", 404, "No.")
    with pytest.raises(ChatError, match="HTTP 500 Oops"):
        Script(httpx.Response(500, text="Oops")).chat.room(4)


def test_a_message_is_sent_again_under_the_same_client_id() -> None:
    script = Script(
        httpx.ReadTimeout("lost"), refused("unavailable", 503), ok({"message_id": 63}, 200)
    )
    assert script.chat.post(4, "Hi").message_id == 63
    bodies = [script.asked(n)[2] for n in range(3)]
    assert bodies[0]["client_id"]
    assert bodies[0] == bodies[1] == bodies[2]


def test_a_room_is_opened_again_under_the_same_key() -> None:
    script = Script(httpx.ReadTimeout("lost"), ok({"room_id": 4}))
    script.chat.open_room([1, 2, 3])
    first, second = (request.headers["Idempotency-Key"] for request in script.requests)
    assert first == second


def test_a_deletion_whose_answer_was_lost_is_no_error() -> None:
    Script(httpx.ReadTimeout("lost"), refused("not_found", 404)).chat.delete_message(4, 63)
    with pytest.raises(ChatError):
        Script(refused("not_found", 404)).chat.delete_message(4, 63)


def test_it_gives_up() -> None:
    script = Script(*[httpx.ConnectError("nobody")] * 4)
    with pytest.raises(ServerUnreachable, match="nobody"):
        script.chat.stats()
    assert len(script.requests) == 4
    script = Script(*[refused("rate_limited", 429, **{"Retry-After": "0"})] * 4)
    with pytest.raises(ChatError, match="rate_limited"):
        script.chat.stats()


@pytest.mark.parametrize(
    "refusal",
    [refused("forbidden", 403), refused("rate_limited", 429, **{"Retry-After": "40000"})],
)
def test_what_is_refused_for_long_is_not_repeated(refusal: httpx.Response) -> None:
    script = Script(refusal)
    with pytest.raises(ChatError):
        script.chat.post(4, "Hi")
    assert len(script.requests) == 1


def test_an_export_is_streamed() -> None:
    lines = b'{"type":"user","user_id":7}\n{"type":"end","messages":0}\n'
    records = list(Script(httpx.Response(200, content=lines)).chat.export_user(7))
    assert [record.type for record in records if "type" in record] == ["user", "end"]
    with pytest.raises(ChatError):
        list(Script(refused("not_found", 404)).chat.export_user(7))


async def test_the_same_for_asyncio() -> None:
    script = Script(httpx.ReadTimeout("lost"), ok({"message_id": 63}), refused("not_found", 404))
    transport = httpx.MockTransport(script)
    async with AsyncChat("https://site.example/chat", KEY, transport=transport) as chat:
        assert (await chat.post(4, "Hi")).message_id == 63
        with pytest.raises(ChatError):
            await chat.room(4)
        script.answers = [httpx.Response(200, content=b'{"type":"end"}\n')]
        assert [record.type async for record in chat.export_user(7)] == ["end"]


def test_files_are_read_by_name(tmp_path: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    file = LocalFile.read(tmp_path / "a.png")
    assert (file.name, file.data, file.content_type) == ("a.png", b"png", "image/png")
    assert LocalFile("what", b"").content_type == "application/octet-stream"
