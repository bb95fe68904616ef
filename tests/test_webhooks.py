"""The host hears of every committed change, at least once and in order, whatever fails."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args

import httpx
import msgspec
import pytest
from roomcast.app import App, create_app
from roomcast.integrations import outbox_relay
from roomcast.integrations.host_events import EventFile, HostEvent
from roomcast.integrations.public_address import is_public
from roomcast.integrations.webhook import DeliveryFailed, Webhook, signed
from roomcast.protocol.actions import File, Send
from roomcast.settings import BadSetting, Webhooks, load
from roomcast.store.messages import ReactionChange
from roomcast.store.outbox import Kind
from roomcast.store.rooms import RoomPatch

from . import made_files as made
from .pages import ROOT, blocks
from .running import in_steps

SHORT_SECRET = "whsec_" + base64.b64encode(b"k" * 23).decode()
SECRET = "whsec_" + base64.b64encode(b"a secret for these tests alone!!").decode()
WITHIN = 30.0
CREATED = HostEvent(
    type="room_created",
    id="1-1",
    at="2025-05-12T15:09:23.065265+00:00",
    room_id=1,
    context=None,
    user_id=1,
    members=[1, 2],
)


class Ear:
    """A listener that writes down what it is told; it fails as long as it is told to."""

    def __init__(self) -> None:
        self.events: list[HostEvent] = []
        self.fails: Callable[[HostEvent], bool] = lambda event: False
        self.attempts = 0
        self._heard = asyncio.Event()

    async def __call__(self, event: HostEvent) -> None:
        self.attempts += 1
        self._heard.set()
        if self.fails(event):
            raise RuntimeError("the shop is closed")
        self.events.append(event)

    @property
    def texts(self) -> list[str | None]:
        return [event.text for event in self.events if event.type == "message_sent"]

    async def until(self, is_enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN):
            while not is_enough():
                self._heard.clear()
                await self._heard.wait()

    async def hears(self, kind: str, **fields: Any) -> HostEvent:
        def found() -> list[HostEvent]:
            wanted = fields.items()
            return [
                event
                for event in self.events
                if event.type == kind and all(getattr(event, k) == v for k, v in wanted)
            ]

        await self.until(lambda: bool(found()))
        return found()[0]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_relay, "FIRST_RETRY_DELAY", 0.01)
    monkeypatch.setattr(outbox_relay, "MAX_RETRY_DELAY", 0.05)
    monkeypatch.setattr(outbox_relay, "SEARCH_INTERVAL", 0.02)


@pytest.fixture
def make(tmp_path: Path, database_url: str) -> Callable[..., App]:
    """A chat on the same database each time."""

    def app(on_event: Any = None, broadcast: str = "memory://", **options: Any) -> App:
        settings = {
            "database": {"url": database_url},
            "broadcast": {"url": broadcast},
            "attachments": {"url": f"file:{tmp_path}/files"},
            "auth": {"secret": "x" * 32},
            "webhooks": options,
        }
        return create_app(settings, on_event=on_event)

    return app


async def test_a_hook_hears_all_that_happens_in_a_room(make: Callable[..., App]) -> None:
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        room = (await chat.open_room([1, "anna"], title="A bicycle")).id
        first = (await chat.post(room, sender="anna", text="Is it blue?")).message_id
        await chat.post(room, sender=1, text="Green.")
        await chat.delete_room(room)
        await ear.hears("room_deleted")
    assert [(e.type, e.user_id, e.text, e.version) for e in ear.events] == [
        ("room_created", None, None, None),
        ("message_sent", "anna", "Is it blue?", 1),
        ("message_sent", 1, "Green.", 2),
        ("room_deleted", None, None, None),
    ]
    assert {e.room_id for e in ear.events} == {room}
    assert ear.events[1].message_id == first
    assert ear.events[-1].members == [1, "anna"]
    assert len({e.id for e in ear.events}) == 4


async def test_a_picture_alone_is_told_by_its_name_and_kind(make: Callable[..., App]) -> None:
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        room = (await chat.open_room([1, "anna"])).id
        picture = made.png()
        data = base64.b64encode(picture).decode()
        send = Send("", files=[File("a.png", len(picture), "image/png", data)])
        await chat.state.chat.messages.send(room, "anna", send, "http://test")
        await chat.post(room, sender=1, text="Nice.")
        await ear.hears("message_sent", text="Nice.")
    _, alone, nice = ear.events
    assert (alone.text, alone.files) == ("", [EventFile("a.png", "image/png", len(picture))])
    assert nice.files == []
    assert msgspec.to_builtins(alone)["files"] == [
        {"name": "a.png", "content_type": "image/png", "size": len(picture)}
    ]
    assert "files" not in msgspec.to_builtins(nice)


async def test_a_hook_hears_of_who_comes_and_goes_and_of_reactions(
    make: Callable[..., App],
) -> None:
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2, 3])).id
        message = (await chat.post(room, sender=2, text="Who is new?")).message_id
        members = chat.state.chat.members
        await members.add(room, "1", "4")
        await members.change(room, "1", RoomPatch(title="The four"))
        await chat.state.chat.messages.make(ReactionChange(room, "4", message, "👋", None, 10))
        await members.remove(room, "1", "3")
        gone = await ear.hears("member_removed")
    told = [(e.type, e.user_id, e.about, e.text, e.version) for e in ear.events[2:]]
    assert told == [
        ("member_added", 1, 4, None, None),
        ("room_changed", 1, None, "The four", None),
        ("message_reacted", 4, None, "👋", 2),
        ("member_removed", 1, 3, None, None),
    ]
    assert gone.members == [1, 2, 4]


async def test_a_hook_that_fails_is_told_again_in_order_and_delays_nobody(
    make: Callable[..., App],
) -> None:
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        sulky, other = (await chat.open_room([1, 2])).id, (await chat.open_room([1, 3])).id
        ear.fails = lambda event: event.room_id == sulky
        texts = [f"{n}" for n in range(5)]
        for text in texts:
            await chat.post(sulky, sender=1, text=text)
        await chat.post(other, sender=1, text="elsewhere")
        await ear.hears("message_sent", text="elsewhere")
        before = ear.attempts
        await ear.until(lambda: ear.attempts > before + 2)
        assert ear.texts == ["elsewhere"]
        ear.fails = lambda event: False
        await ear.hears("message_sent", text="4")
    assert ear.texts == ["elsewhere", *texts]


async def test_a_hook_that_never_answers_is_given_up_like_one_that_fails(
    make: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_relay, "ANSWER_TIMEOUT", 0.05)
    ear = Ear()

    async def sticks(event: HostEvent) -> None:
        if event.text == "sticky":
            await asyncio.Event().wait()
        await ear(event)

    chat = make(sticks, max_retry_age=0.2)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        for text in ("sticky", "dry"):
            await chat.post(room, sender=1, text=text)
        await ear.hears("message_sent", text="dry")


async def test_who_writes_need_not_be_who_tells(make: Callable[..., App]) -> None:
    """As `roomcast erase` does: it has no function of the host, and knows that there is one."""
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        await chat.open_room([1, 2], context="listing:4")
        await ear.hears("room_created")
    ear.events.clear()
    chat = make()
    async with chat.lifespan():
        room = await chat.open_room([1, 2], context="listing:5")
        await chat.post(room, "Hello", sender=1)
        await chat.erase_user(1)
        await chat.delete_room(room)
        assert ear.events == []
    async with make(ear).lifespan():
        await ear.hears("user_erased")
        await ear.hears("room_deleted")
    told = [event for event in ear.events if event.type != "user_erased"]
    assert {event.context for event in told} == {"listing:5"}
    assert {event.type for event in told} == {
        "room_created", "message_sent", "message_deleted", "room_deleted",
    }  # fmt: skip
    (erased,) = [event for event in ear.events if event.type == "user_erased"]
    assert (erased.user_id, erased.room_id, erased.members) == (1, None, None)


async def test_a_ban_is_told(make: Callable[..., App]) -> None:
    ear = Ear()
    chat = make(ear)
    async with chat.lifespan():
        await chat.ban("anna", reason="spam")
        await ear.hears("user_banned")
    (event,) = ear.events
    assert (event.user_id, event.room_id, event.text) == ("anna", None, "spam")


async def test_what_was_not_told_is_told_after_a_restart(make: Callable[..., App]) -> None:
    deaf, ear = Ear(), Ear()
    deaf.fails = lambda event: True
    chat = make(deaf)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        for n in range(3):
            await chat.post(room, sender=1, text=f"{n}")
        await deaf.until(lambda: deaf.attempts > 2)
    async with make(ear).lifespan():
        await ear.hears("message_sent", text="2")
    assert ear.texts == ["0", "1", "2"]


async def test_an_event_that_nobody_takes_is_given_up_at_last(
    make: Callable[..., App], caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    ear.fails = lambda event: event.text == "poison"
    chat = make(ear, max_retry_age=0.2)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        await chat.post(room, sender=1, text="poison")
        await chat.post(room, sender=1, text="bread")
        await ear.hears("message_sent", text="bread")
    assert "event delivery given up: message_sent" in caplog.text
    assert "poison" not in caplog.text  # what people say stays out of the log


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_two_processes_tell_each_event_once_and_in_order(
    make: Callable[..., App], database_url: str
) -> None:
    ear = Ear()
    one, two = make(ear, database_url), make(ear, database_url)
    async with one.lifespan(), two.lifespan():
        rooms = [(await one.open_room([1, 2], context=f"{n}")).id for n in range(8)]
        posts = [
            chat.post(room, sender=1, text=f"{n}")
            for n in range(10)
            for room in rooms
            for chat in (one, two)
        ]
        await asyncio.gather(*posts)
        await ear.until(lambda: len(ear.texts) >= len(posts))
    versions = defaultdict(list)
    for event in ear.events:
        if event.version:
            versions[event.room_id].append(event.version)
    assert dict(versions) == {room: list(range(1, 21)) for room in rooms}


# ---------------------------------------------------------------- what stays unread


async def test_the_host_hears_once_of_what_stays_unread(make: Callable[..., App]) -> None:
    ear = Ear()
    chat = make(ear, unread_reminder_after=0.1)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        texts = "Are you there?", "Hello?"  # at once: neither is left alone until the reminder
        posted = await asyncio.gather(*(chat.post(room, sender=1, text=text) for text in texts))
        first = min(message.message_id for message in posted)
        told = await ear.hears("messages_unread")
        assert (told.user_id, told.message_id, told.unread) == (2, first, 2)
        await chat.post(room, sender=1, text="Still nobody?")
        answer = (await chat.post(room, sender=2, text="Sorry, yes.")).message_id
        other = await ear.hears("messages_unread", user_id=1)
        assert (other.message_id, other.unread) == (answer, 1)
        mine = [e for e in ear.events if e.type == "messages_unread" and e.user_id == 2]
        assert len(mine) == 1


async def test_who_has_read_again_is_told_of_again(make: Callable[..., App]) -> None:
    ear = Ear()
    chat = make(ear, unread_reminder_after=0.1)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        await chat.post(room, sender=1, text="Are you there?")
        await ear.hears("messages_unread")
        newest = (await chat.post(room, sender=1, text="Hello?")).message_id
        await chat.state.chat.receipts.read(room, "2", newest)
        assert await chat.state.chat.queue.marked()
        later = (await chat.post(room, sender=1, text="And now?")).message_id
        await ear.hears("messages_unread", message_id=later)


# ---------------------------------------------------------------- by HTTP


class Receiver:
    """A server of the host's: it answers with the codes that it is given, then with 204."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: Iterator[int] = iter(())
        self.url = ""
        self._came = asyncio.Event()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:-2]
                headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, body))
                code = next(self.answers, 204)
                writer.write(f"HTTP/1.1 {code} .\r\nContent-Length: 0\r\n\r\n".encode())
                self._came.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/events?key=1"
    yield one
    server.close()


@asynccontextmanager
async def posted(
    make: Callable[..., App], receiver: Receiver, **options: Any
) -> AsyncIterator[App]:
    """A chat with one message in it, whose webhook leads to the receiver."""
    told = {"url": receiver.url, "secret": SECRET, "allow_private": True} | options
    chat = make(**told)
    async with chat.lifespan():
        room = (await chat.open_room([1, 2])).id
        await chat.post(room, sender=1, text="Hello 🙂")
        yield chat


def is_genuine(headers: dict[str, str], body: bytes) -> bool:
    """As the Standard Webhooks specification tells receivers to look."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


async def test_a_webhook_is_signed_and_told_again_until_it_is_taken(
    make: Callable[..., App], receiver: Receiver
) -> None:
    receiver.answers = iter([500, 302, 204, 429])
    async with posted(make, receiver):
        await receiver.until(5)
    assert all(is_genuine(*request) for request in receiver.requests)
    assert not is_genuine(receiver.requests[0][0], b"{}")
    told = [json.loads(body) for _, body in receiver.requests]
    assert [event["type"] for event in told] == ["room_created"] * 3 + ["message_sent"] * 2
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 2
    headers, body = receiver.requests[-1]
    assert headers["host"] == re.sub(r"http://|/events.*", "", receiver.url)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert json.loads(body) == told[-1] | {
        "text": "Hello 🙂",
        "user_id": 1,
        "members": [1, 2],
        "version": 1,
        "id": headers["webhook-id"],
    }


async def test_a_private_address_is_refused(receiver: Receiver) -> None:
    told = {"url": receiver.url, "secret": SECRET}
    event = CREATED
    open_, closed = Webhook(Webhooks(**told, allow_private=True)), Webhook(Webhooks(**told))
    await open_(event)
    with pytest.raises(DeliveryFailed, match="a private address"):
        await closed(event)
    assert len(receiver.requests) == 1
    await open_.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "::1", "::", "fe80::1",
        "fec0::1", "fd00::1", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
        "2001:0:a00:1::1", "ff0e::1", "100.64.0.1", "192.0.0.1", "192.88.99.1", "198.18.0.1",
        "203.0.113.1", "240.0.0.1", "255.255.255.255", "64:ff9b::7f00:1", "64:ff9b::6440:1",
        "64:ff9b:1::a00:1", "64:ff9b:1::5db8:d70e", "::ffff:0:a00:1", "100::1", "100:0:0:1::1",
        "2001:db8::1", "2001:10::1", "3fff::1", "5f00::1", "4000::1", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_no_address_leads_inside(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_addresses_of_the_internet_are_let_be(address: str) -> None:
    assert is_public(ip_address(address))


async def test_a_name_with_a_dead_address_is_reached_by_the_next_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    webhook = Webhook(Webhooks(url=receiver.url, secret=SECRET, allow_private=True))
    await webhook(CREATED)
    await webhook.aclose()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"url": "https://shop.example.com/chat"}, "webhooks.secret: it is needed"),
        ({"secret": "short"}, "webhooks.secret: at least 24 bytes"),
        ({"secret": "whsec_ünd so weiter und so fort"}, "after whsec_ there must be base64"),
        (
            {"secret": SHORT_SECRET},
            "after whsec_ there must be at least 24 bytes in base64",
        ),
        ({"url": "ftp://shop.example.com"}, "webhooks.url: expected an address such as"),
    ],
)
def test_a_webhook_that_can_not_be_stops_the_start(options: dict[str, Any], why: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(why)):
        create_app({"auth": {"secret": "x" * 32}, "webhooks": options})


async def test_no_log_has_the_query_of_the_address(
    make: Callable[..., App], receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it is accepted or refused; the site's own calls by httpx are logged as before."""
    caplog.set_level(logging.DEBUG)
    receiver.answers = iter([500])
    async with posted(make, receiver):
        await receiver.until(2)
    assert "answered 500" in caplog.text
    assert "key=1" not in caplog.text
    async with httpx.AsyncClient() as client:
        await client.post(receiver.url, content=b"{}")
    assert "key=1" in caplog.text


def test_the_secret_shows_nowhere() -> None:
    settings = load({"webhooks": {"url": "https://shop.example.com/chat", "secret": SECRET}})
    assert settings.webhooks.secret == SECRET
    assert SECRET not in repr(settings)


# ---------------------------------------------------------------- as documented


async def test_the_receiver_of_the_documents_knows_who_calls(
    make: Callable[..., App], receiver: Receiver
) -> None:
    page = (ROOT / "docs/webhooks.md").read_text()
    names: dict[str, Any] = {}
    await in_steps(next(code for _, code in blocks(page, "python") if "def is_gen" in code), names)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    async with posted(make, receiver):
        await receiver.until(1)
    headers, body = receiver.requests[0]
    assert names["is_genuine"](key, headers, body)
    assert not names["is_genuine"](key, headers, body + b" ")
    assert not names["is_genuine"](key, headers | {"webhook-timestamp": "1"}, body)


RUNNERS = {
    "js": (
        "node",
        """
const [secret, headers, body] = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(isGenuine(Buffer.from(secret, "base64"), headers, Buffer.from(body)));
""",
    ),
    "php": (
        "php",
        """
[$secret, $headers, $body] = json_decode(stream_get_contents(STDIN), true);
echo json_encode(is_genuine(base64_decode($secret), $headers, $body)), "\\n";
""",
    ),
    "ruby": (
        "ruby",
        """
require "json"
secret, headers, body = JSON.parse(STDIN.read)
puts genuine?(Base64.decode64(secret), headers, body)
""",
    ),
}


@pytest.mark.parametrize("language", RUNNERS)
def test_the_samples_of_other_languages_know_who_calls(language: str, tmp_path: Path) -> None:
    program, call = RUNNERS[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    page = (ROOT / "docs/webhooks.md").read_text()
    ((_, code),) = blocks(page, language)
    script = tmp_path / f"sample.{language}"
    script.write_text(f"{code}\n{call}")
    key, body = b"a secret for these tests alone!!", '{"text": "Grüße"}'
    headers = signed(key, "4-1", int(time.time()), body.encode())
    old = signed(key, "4-1", int(time.time()) - 400, body.encode())
    cases = [(headers, body, "true"), (headers, body + " ", "false"), (old, body, "false")]
    for said, text, expected in cases:
        given = json.dumps([base64.b64encode(key).decode(), said, text])
        ran = subprocess.run(
            [program, str(script)], input=given, capture_output=True, text=True, timeout=60
        )
        assert (ran.stdout.strip(), ran.stderr) == (expected, "")


async def test_the_function_of_the_documents_sends_its_mail(
    make: Callable[..., App], tmp_path: Path
) -> None:
    page = (ROOT / "docs/webhooks.md").read_text()
    mails: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()

    async def send_mail(user: Any, text: str) -> None:
        mails.put_nowait((user, text))

    settings = make(unread_reminder_after=0.05).settings
    names: dict[str, Any] = {"settings": settings, "send_mail": send_mail}
    await in_steps(next(code for _, code in blocks(page, "python") if "on_event" in code), names)
    async with names["chat"].lifespan(), asyncio.timeout(WITHIN):
        room = (await names["chat"].open_room([1, 2])).id
        await names["chat"].post(room, sender=1, text="Hello")
        assert await mails.get() == (2, "You have 1 new messages")


def test_every_event_is_documented_as_it_is() -> None:
    page = (ROOT / "docs/webhooks.md").read_text()
    documented = set(re.findall(r"^\| `(\w+_\w+)` \|", page, re.MULTILINE))
    assert documented == set(get_args(Kind))
    ((_, example),) = blocks(page, "json")
    event = msgspec.json.decode(example, type=HostEvent)
    assert json.loads(example) == msgspec.to_builtins(event)
