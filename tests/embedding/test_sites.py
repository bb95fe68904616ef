"""The chat in Starlette, FastAPI, Django and Litestar, over real servers, seen from outside."""

import base64
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from .sites import ADA, BOB, NAMES, Site, Visitor, Way

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
FILE = {"name": "bicycle.png", "size": len(PNG), "type": "image/png"}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """All of them, started side by side; by the end no one has anything to complain of."""
    made = {name: Site(name, tmp_path_factory.mktemp(name)) for name in NAMES}
    try:
        for site in made.values():
            site.start()
        for site in made.values():
            site.until_ready()
        yield made
        assert [line for site in made.values() for line in site.end()] == []
    finally:
        for site in made.values():
            site.kill()


@pytest.fixture(params=["directly", "by a proxy"])
def way(request: pytest.FixtureRequest, sites: dict[str, Site], name: str) -> Way:
    return sites[name].way(request.param)


@pytest.fixture(params=list(NAMES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def nobody(way: Way) -> Iterator[Visitor]:
    visitor = Visitor(way)
    yield visitor
    visitor.http.close()


@pytest.fixture
def ada(way: Way) -> Iterator[Visitor]:
    visitor = Visitor(way).log_in("ada")
    yield visitor
    visitor.http.close()


@pytest.fixture
def bob(way: Way) -> Iterator[Visitor]:
    visitor = Visitor(way).log_in("bob")
    yield visitor
    visitor.http.close()


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> str:
    """What only this test speaks of."""
    return str(request.node.name)


def test_the_sites_own_pages_stand_beside_the_chat(nobody: Visitor) -> None:
    url = nobody.way.url
    assert "The shop" in nobody.http.get(f"{url}/").text
    theirs = nobody.http.get(f"{url}/nothing")
    ours = nobody.http.get(f"{url}/chat/nothing")
    assert (theirs.status_code, ours.status_code) == (404, 404)
    assert "not_found" in ours.text
    assert "not_found" not in theirs.text


def test_the_page_and_the_documents_are_under_the_prefix(nobody: Visitor) -> None:
    chat = f"{nobody.way.url}/chat"
    for path in ("/", "/ui/page.js", "/api/v1/swagger/", "/en/api/v1/schema/", "/healthz"):
        assert nobody.http.get(chat + path).status_code == 200, path


def test_the_sites_session_says_who_is_there(nobody: Visitor, ada: Visitor, subject: str) -> None:
    room = ada.opens(subject)
    assert nobody.http.get(f"{nobody.api}/receive/").status_code == 401
    with nobody.knocks(room) as socket, pytest.raises(ConnectionClosed):
        socket.recv(20)
    assert socket.protocol.close_code == 4001
    nobody.log_in("bob")
    with nobody.enters(room) as here:
        assert here.first == []


def test_two_people_talk(ada: Visitor, bob: Visitor, subject: str) -> None:
    room = ada.opens(subject)
    with ada.enters(room) as at_adas, bob.enters(room) as at_bobs:
        at_adas.says(action="send", message="Is it still there?")
        heard = at_bobs.awaits("chat_message")["message"]
        assert (heard["text"], heard["sender_id"]) == ("Is it still there?", ADA)
        bob.call("POST", f"{bob.api}/rooms/{room}/messages/", json={"message": "It is"})
        heard = at_adas.awaits("chat_message")["message"]
        while heard["sender_id"] == ADA:
            heard = at_adas.awaits("chat_message")["message"]
        assert (heard["text"], heard["sender_id"]) == ("It is", BOB)


def test_next_and_previous_lead_through_the_rooms(ada: Visitor, subject: str) -> None:
    mine = {ada.opens(f"{subject} {number}") for number in range(3)}
    start = page = ada.call("GET", f"{ada.api}/receive/?page_size=2")
    seen = [room["room_id"] for room in page["results"]]
    while page["next"]:
        behind, page = page, ada.call("GET", page["next"])
        seen += [room["room_id"] for room in page["results"]]
        before = ada.call("GET", page["previous"])["results"]  # who is online may be another by now
    assert [r["room_id"] for r in before] == [r["room_id"] for r in behind["results"]]
    assert mine <= set(seen)
    assert len(seen) == len(set(seen)) == start["count"]


def test_a_file_is_found_by_its_link(ada: Visitor, bob: Visitor, subject: str) -> None:
    room = ada.opens(subject)
    data = base64.b64encode(PNG).decode()
    with ada.enters(room) as at_adas, bob.enters(room) as at_bobs:
        at_adas.says(action="send", message="", file={**FILE, "data": data})
        (live,) = at_bobs.awaits("chat_message")["message"]["attachments"]
    (page,) = bob.call("GET", f"{bob.api}/rooms/{room}/messages/")["messages"]
    for link in (live["file_url"], page["attachments"][0]["file_url"]):
        assert bob.http.get(link).content == PNG


def test_a_file_is_put_where_the_link_says(ada: Visitor, bob: Visitor, subject: str) -> None:
    room = ada.opens(subject)
    with ada.enters(room) as at_adas:
        at_adas.says(action="send", message="Look", file=FILE)
        offer = at_adas.awaits("presigned_url")
        put = ada.http.put(offer["presigned_url"], content=PNG, headers=offer["headers"])
        assert put.status_code == 200, put.text
        at_adas.says(action="file_uploaded", message="Look", file_path=offer["file_path"])
        (sent,) = at_adas.awaits("chat_message")["message"]["attachments"]
    assert bob.http.get(sent["file_url"]).content == PNG


def test_a_large_file_comes_through(ada: Visitor, bob: Visitor, subject: str) -> None:
    """Larger than what the frameworks take by themselves."""
    room, text = ada.opens(subject), b"A long story. " * 700_000
    file = {"name": "story.txt", "size": len(text), "type": "text/plain"}
    body = {"file": file | {"data": base64.b64encode(text).decode()}}
    sent = ada.call("POST", f"{ada.api}/rooms/{room}/messages/", json=body)
    assert bob.http.get(sent["attachments"][0]["file_url"]).content == text


def test_a_foreign_page_does_not_speak_for_its_visitor(ada: Visitor, subject: str) -> None:
    room, evil = ada.opens(subject), {"Origin": "https://evil.example"}
    assert ada.http.get(f"{ada.api}/receive/", headers=evil).status_code == 403
    with ada.knocks(room, **evil) as socket, pytest.raises(ConnectionClosed):
        socket.recv(20)
    assert socket.protocol.close_code == 4003


def test_the_sites_own_code_talks(way: Way, bob: Visitor) -> None:
    order = way.port  # nobody else's
    shipped = bob.http.post(f"{way.url}/ship/{order}")
    with bob.enters(int(shipped.text)) as socket:
        assert [message["text"] for message in socket.first] == ["It has shipped"]
    again = bob.http.post(f"{way.url}/ship/{order}")
    assert again.text == shipped.text
    assert len(bob.call("GET", f"{bob.api}/rooms/{again.text}/messages/")["messages"]) == 1


def test_a_link_of_one_way_is_none_of_the_other(sites: dict[str, Site]) -> None:
    """What the others rely on: a visitor who is led elsewhere fails."""
    way = sites["Starlette"].way("by a proxy")
    with pytest.raises(AssertionError, match="leads away"):
        Visitor(way).http.get(sites["Starlette"].way("directly").url + "/")
    assert httpx.URL(way.url).path == "/site"
