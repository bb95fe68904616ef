"""What holds for every HTTP call: languages, slashes, HEAD, errors as JSON."""

import json
import re
from typing import Any

import httpx
import pytest

from ..client import Person
from ..server import Server

PREFIXES = ["/api/v1/", "/en/api/v1/", "/uk/api/v1/"]
GETS = [
    "chat/recieve/",
    "chat/receive/",
    "chat/rooms/{room}/messages/",
    "schema/",
    "asyncapi/",
    "swagger/",
]  # fmt: skip


def assert_error(answer: httpx.Response, status: int, code: str) -> None:
    """The one shape of an error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"detail", "code"}, body
    assert body["code"] == code
    assert body["detail"]
    assert isinstance(body["detail"], str)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("slash", ["/", ""])
async def test_a_path_works_in_each_language_with_and_without_its_slash(
    ada: Person, room: int, prefix: str, path: str, slash: str
) -> None:
    url = prefix + path.format(room=room).rstrip("/") + slash
    answer = await ada.get(url)
    assert answer.status_code == 200, answer.text
    head = await ada.asks("HEAD", url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == answer.headers["content-type"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("slash", ["/", ""])
async def test_writing_works_in_each_language_with_and_without_a_slash(
    ada: Person, stranger: Any, prefix: str, slash: str
) -> None:
    other = stranger()
    made = await ada.post(f"{prefix}chat/create{slash}", {"second_user": other.id})
    assert made.status_code == 201, made.text
    room = made.json()["room_id"]
    sent = await ada.post(f"{prefix}chat/rooms/{room}/messages{slash}", {"message": "hi"})
    assert sent.status_code == 201, sent.text
    assert (await ada.delete(f"{prefix}chat/delete/{room}{slash}")).status_code == 204


@pytest.mark.parametrize("path", ["healthz", "readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_probes_need_no_token(
    server: Server, http: httpx.AsyncClient, path: str, method: str
) -> None:
    answer = await http.request(method, f"{server.url}/{path}")
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["schema/", "asyncapi/", "swagger/"])
async def test_the_documents_need_no_token(
    server: Server, http: httpx.AsyncClient, path: str
) -> None:
    assert (await http.get(f"{server.url}/en/api/v1/{path}")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1/",
        "/api/v1/nowhere/",
        "/en/api/v1/chat/nowhere/",
        "/en/api/v2/chat/recieve/",
        "/de/api/v1/chat/recieve/",
        "/EN/api/v1/chat/recieve/",
        "/en/uk/api/v1/chat/recieve/",
        "/api/v1/chat/delete/",
        "/api/v1/chat/rooms/den/messages/",
        "/en/api/v1/swagger/../../../etc/passwd",
        "/en/api/v1/swagger/%2e%2e/%2e%2e/settings.py",
    ],
)
async def test_an_unknown_path_or_language_is_a_json_404(ada: Person, path: str) -> None:
    assert_error(await ada.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "chat/create/"),
        ("POST", "chat/recieve/"),
        ("DELETE", "chat/receive/"),
        ("GET", "chat/delete/1/"),
        ("POST", "chat/delete/1"),
        ("PUT", "chat/rooms/1/messages/"),
        ("DELETE", "schema/"),
        ("POST", "/healthz"),
        ("PATCH", "chat/create/"),
    ],
)
async def test_a_wrong_method_is_a_json_405(ada: Person, method: str, path: str) -> None:
    assert_error(await ada.asks(method, path), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("chat/rooms/1/", "GET, HEAD, PATCH"),
        ("chat/rooms/1/messages/", "GET, HEAD, POST"),
        ("chat/blocks/a%2Fb", "DELETE, POST"),
        ("/healthz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_hears_of_all_the_right_ones(
    ada: Person, path: str, methods: str
) -> None:
    answer = await ada.asks("PUT", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_what_is_no_json_is_refused(ada: Person, room: int) -> None:
    for path in ("chat/create/", f"chat/rooms/{room}/messages/"):
        for body in (b"{", b"{'a': 1}", b'{"second_user": 7,}', b"\xff\xfe", b'{"a": NaN}'):
            assert_error(await ada.asks("POST", path, content=body), 400, "invalid_json")


async def test_what_is_no_object_is_refused(ada: Person, room: int) -> None:
    for path in ("chat/create/", f"chat/rooms/{room}/messages/"):
        for body in (b"[]", b"1", b'"hello"', b"true"):
            assert_error(await ada.asks("POST", path, content=body), 400, "invalid_frame")


async def test_a_field_of_the_wrong_kind_is_named(ada: Person, room: int) -> None:
    path = f"chat/rooms/{room}/messages/"
    answer = await ada.post(path, {"message": 5})
    assert_error(answer, 400, "invalid_frame")
    assert "message" in answer.json()["detail"]


async def test_a_body_deeper_than_any_parser_is_refused(ada: Person) -> None:
    for body in (b"[" * 200_000, b'{"a":' * 200_000):
        answer = await ada.asks("POST", "chat/create/", content=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] in ("invalid_json", "invalid_frame")


async def test_errors_come_in_the_same_shape_for_every_language(ada: Person, bob: Person) -> None:
    for prefix in PREFIXES:
        assert_error(await ada.get(f"{prefix}chat/recieve/", first_user=2), 403, "forbidden")
        assert_error(await ada.delete(f"{prefix}chat/delete/9007199254740991"), 404, "not_found")


# ------------------------------------------------------------- documents


async def test_the_schema_is_openapi_and_knows_every_call(ada: Person) -> None:
    schema = (await ada.get("/en/api/v1/schema/")).json()
    assert schema["openapi"].startswith("3.1")
    known = {
        (method, re.sub(r"\{\w+\}", "{}", path).rstrip("/").partition("/chat/")[2])
        for path, item in schema["paths"].items()
        for method in item
    }
    for call in [
        ("post", "create"),
        ("get", "recieve"),
        ("get", "receive"),
        ("delete", "delete/{}"),
        ("get", "rooms/{}/messages"),
        ("post", "rooms/{}/messages"),
    ]:
        assert call in known, f"{call} is not in {sorted(known)}"


async def test_asyncapi_knows_the_frames(ada: Person) -> None:
    document = (await ada.get("/en/api/v1/asyncapi/")).json()
    assert document["asyncapi"].startswith("3.")
    text = json.dumps(document)
    for name in ("chat_message", "message_edited", "sync", "history", "presigned_url", "/ws/chat/"):
        assert name in text, name


async def test_swagger_loads_nothing_from_another_host(
    server: Server, http: httpx.AsyncClient
) -> None:
    page = await http.get(f"{server.url}/en/api/v1/swagger/")
    assert page.headers["content-type"].startswith("text/html")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    assert not [link for link in links if link.startswith(("http:", "https:", "//"))]
    for link in links:
        asset = await http.get(page.url.join(link))
        assert asset.status_code == 200, link


@pytest.mark.parametrize(
    "path",
    ["recieve/", "unread/", "config/", "me/export/", "rooms/{room}/", "rooms/x/", "nothing/"],
)
async def test_what_is_of_one_caller_is_stored_nowhere(ada: Person, room: int, path: str) -> None:
    answer = await ada.get(f"/api/v1/chat/{path.format(room=room)}")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
