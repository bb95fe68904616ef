"""roomcast.testing, as the tests of other people's sites use it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx_ws import WebSocketDisconnect, aconnect_ws
from roomcast.app import App, Draft, create_app
from roomcast.testing import ChatClient, chat_client
from starlette.requests import HTTPConnection

from .pages import block
from .patience import patient
from .running import in_steps

PAGE = "docs/testing.md"
STARTS_WITHIN = 0.150  # seconds


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_tests(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "pytest", "-q", "-W", "error", *options, folder=folder)


# ---------------------------------------------------------------- the page


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The marketplace of the page, with its test, and the same test by the fixture."""
    (tmp_path / "shop.py").write_text(block(PAGE, "python", "def make_site"))
    test = block(PAGE, "python", "async def test_the_buyer_sees_that")
    test += '\n\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n'
    (tmp_path / "test_imported.py").write_text(test)
    test = test.replace("from roomcast.testing import chat_client\n", "")
    test = test.replace("has_shipped():", "has_shipped(chat_client):")
    (tmp_path / "test_by_fixture.py").write_text(test)
    return tmp_path


def test_the_marketplaces_test_passes_with_anyios_plugin(shop: Path) -> None:
    done = run_tests(shop, "-p", "no:asyncio")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_marketplaces_test_passes_with_pytest_asyncio(shop: Path) -> None:
    for test in shop.glob("test_*.py"):
        test.write_text(test.read_text().replace("mark.anyio", "mark.asyncio"))
    done = run_tests(shop, "-o", "asyncio_default_fixture_loop_scope=function")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


async def test_the_pages_other_test_passes(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    await in_steps(
        block(PAGE, "python", "async def test_the_buyer_gets_what_the_seller_sends"), names
    )
    await names["test_the_buyer_gets_what_the_seller_sends"](tmp_path)


# ---------------------------------------------------------------- the client


async def send(client: ChatClient, room: int, text: str) -> None:
    answer = await client.post(f"/api/v1/chat/rooms/{room}/messages/", json={"message": text})
    assert answer.status_code == 201, answer.text


async def texts(client: ChatClient, room: int) -> list[str]:
    page = await client.get(f"/api/v1/chat/rooms/{room}/messages/")
    return [message["text"] for message in page.json()["messages"]]


async def test_it_starts_at_once() -> None:
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        async with chat_client():
            taken.append(time.perf_counter() - begin)
    assert min(taken) < patient(STARTS_WITHIN)


async def test_nothing_is_left_of_it() -> None:
    await asyncio.to_thread(int)  # the loop's own thread, which it keeps
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with chat_client() as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.socket(room) as socket:
            await socket.receive_json()
        folder = Path(ada.chat.settings.database.url.removeprefix("sqlite:///")).parent
        assert folder.exists()
        assert set(threading.enumerate()) > threads
    left = {t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio_")}
    assert (left, asyncio.all_tasks() - tasks) == (set(), set())
    assert not folder.exists()


@pytest.mark.parametrize(
    "error", [AssertionError("not this"), KeyError("x"), ExceptionGroup("", [OSError(), OSError()])]
)
async def test_what_fails_amid_everything_comes_out_as_it_is(error: Exception) -> None:
    async def fails() -> None:
        async with chat_client() as ada:
            room = (await ada.chat.open_room([1, 2])).id
            async with ada.socket(room), ada.another(2).socket(room) as socket:
                await socket.receive_json()
                raise error

    with pytest.raises(type(error)) as failed:
        await fails()
    assert failed.value is error


async def test_two_chats_do_not_hear_each_other() -> None:
    async with chat_client(1) as here, chat_client(1) as there:
        rooms = [(await client.chat.open_room([1, 2])).id for client in (here, there)]
        assert rooms == [1, 1]
        async with here.socket(1) as at_here, there.socket(1) as at_there:
            assert (await at_here.receive_json(), await at_there.receive_json()) == ([], [])
            await send(here, 1, "here")
            await send(there, 1, "there")
            heard = [(await socket.receive_json())["message"] for socket in (at_here, at_there)]
        assert [message["text"] for message in heard] == ["here", "there"]
        assert (await texts(here, 1), await texts(there, 1)) == (["here"], ["there"])


async def test_a_token_of_the_one_chat_is_none_of_the_other() -> None:
    async with chat_client(1) as here, chat_client(1) as there:
        foreign = {"Authorization": f"Bearer {there.token}"}
        assert (await here.get("/api/v1/chat/receive/")).status_code == 200
        assert (await here.get("/api/v1/chat/receive/", headers=foreign)).status_code == 401


async def test_others_are_in_the_same_chat_under_their_own_names() -> None:
    async with chat_client(1, claims={"name": "Ada"}) as ada:
        bob = ada.another("bob", {"name": "Bob"})
        room = (await ada.chat.open_room([1, "bob"])).id
        await send(bob, room, "Hello")
        await send(ada, room, "Hello, Bob")
        (listed,) = (await ada.get("/api/v1/chat/receive/")).json()["results"]
    assert [member["name"] for member in listed["members"]] == ["Ada", "Bob"]
    assert (ada.user_id, bob.user_id) == (1, "bob")


async def test_a_stranger_sees_with_which_code_he_is_closed() -> None:
    async with chat_client(1) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        async with ada.another(3).socket(room) as socket:
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_json()
    assert closed.value.code == 4003


async def test_many_sockets_that_open_at_once_are_whose_they_say() -> None:
    async with chat_client(0) as host:
        room = (await host.chat.open_room(list(range(8)))).id

        async def speaks(user: int) -> None:
            async with host.another(user).socket(room, after=0) as socket:
                await socket.receive_json()
                await socket.send_json({"action": "send", "message": str(user)})
                heard = {}
                while heard.get("message", {}).get("text") != str(user):
                    heard = await socket.receive_json()

        async with asyncio.TaskGroup() as together:
            for user in range(8):
                together.create_task(speaks(user))
        page = await host.get(f"/api/v1/chat/rooms/{room}/messages/")
    said = {message["text"]: message["sender_id"] for message in page.json()["messages"]}
    assert said == {str(user): user for user in range(8)}


async def test_a_token_may_stand_among_the_subprotocols() -> None:
    async with chat_client(1) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        url = f"http://chat.test/ws/chat/?room_id={room}"
        del ada.headers["Authorization"]
        offered = ["Bearer", ada.token]
        async with aconnect_ws(url, ada, subprotocols=offered) as socket:
            assert await socket.receive_json() == []
            assert socket.subprotocol == "Bearer"


async def test_settings_are_those_of_the_test() -> None:
    async with chat_client(1, {"limits": {"max_text_length": 3}}) as ada:
        room = (await ada.chat.open_room([1, 2])).id
        url = f"/api/v1/chat/rooms/{room}/messages/"
        answers = [await ada.post(url, json={"message": text}) for text in ("abc", "abcd")]
    assert [answer.status_code for answer in answers] == [201, 400]


async def test_what_is_to_stay_lies_in_the_folder(tmp_path: Path) -> None:
    async with chat_client(1, folder=tmp_path) as ada:
        await send(ada, (await ada.chat.open_room([1, 2])).id, "kept")
    async with chat_client(1, folder=tmp_path) as ada:
        assert await texts(ada, 1) == ["kept"]


# ---------------------------------------------------------------- a site's own app


async def user_of_header(connection: HTTPConnection) -> str | None:
    return connection.headers.get("X-User")


@pytest.fixture
def drafts() -> list[str]:
    return []


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drafts: list[str]) -> App:
    """A chat as a module of a site makes it: on the project's files, with the site's login."""

    async def before_send(draft: Draft) -> str:
        drafts.append(draft.text)
        return draft.text

    monkeypatch.chdir(tmp_path)
    own = {
        "limits": {"max_text_length": 7},
        "webhooks": {"url": "https://site.example/hook", "secret": "s" * 32},
        "broadcast": {"url": "redis://127.0.0.1:1"},
    }
    return create_app(own, authenticate=user_of_header, before_send=before_send)


async def test_a_sites_own_app_runs_on_engines_of_the_test(
    site: App, drafts: list[str], tmp_path: Path
) -> None:
    before = msgspec.to_builtins(site.settings)
    for _ in range(2):
        async with chat_client(1, {"limits": {"max_title_length": 3}}, app=site) as ada:
            assert ada.chat is site
            room = (await site.open_room([1, "bob"])).id
            assert room == 1, "the chat of the last test is gone"
            url = f"/api/v1/chat/rooms/{room}/messages/"
            answers = [await ada.post(url, json={"message": text}) for text in ("1" * 7, "2" * 8)]
            assert [answer.status_code for answer in answers] == [201, 400]
            async with ada.another("bob").socket(room, after=0) as socket:
                assert (await socket.receive_json())["messages"][0]["text"] == "1111111"
            by_login = await ada.get(url, headers={"Authorization": "", "X-User": "bob"})
            nobody = await ada.get(url, headers={"Authorization": ""})
            assert (by_login.status_code, nobody.status_code) == (200, 401)
    assert drafts == ["1111111"] * 2
    assert msgspec.to_builtins(site.settings) == before
    assert not os.listdir(tmp_path), "the project's own files were never opened"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"settings": {"server": {"languages": ["de"]}}}, "server: create_app has read"),
        ({"settings": {"limits": {"max_text": 1}}}, "unknown setting limits.max_text"),
        ({"authenticate": user_of_header}, "authenticate: app= has its own"),
    ],
)
async def test_what_a_made_app_cannot_take_is_refused(
    site: App, options: dict[str, Any], says: str
) -> None:
    before = msgspec.to_builtins(site.settings)
    with pytest.raises(ValueError, match=says):
        async with chat_client(1, app=site, **options):
            pass
    assert msgspec.to_builtins(site.settings) == before


def test_a_site_that_is_not_asynchronous_is_tested_by_a_portal(
    site: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's fixture, in the place of pytest-django's: a view in a thread calls the chat."""
    names: dict[str, Any] = {"chat": site}
    exec(block(PAGE, "python", "start_blocking_portal"), names)  # the page's own words
    running = names["running_chat"].__wrapped__()
    client = next(running)
    room = site.sync.open_room(["seller", "buyer"], context="order:981")
    site.sync.post(room, "Shipped", sender="seller")
    assert [message.text for message in site.sync.messages(room)] == ["Shipped"]
    assert client.chat is site
    with pytest.raises(StopIteration):
        next(running)


# ---------------------------------------------------------------- what is loaded when


def test_without_httpx_ws_a_sentence_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['httpx_ws'] = None; from roomcast.testing import chat_client"
    done = run("-c", hidden, folder=tmp_path)
    assert "httpx-ws: pip install 'roomcast[testing]'" in done.stderr.splitlines()[-1]


def test_the_plugin_loads_nothing_before_it_is_asked(tmp_path: Path) -> None:
    look = "import sys, pytest, roomcast.testing.pytest_plugin; print('starlette' in sys.modules)"
    assert run("-c", look, folder=tmp_path).stdout == "False\n"
