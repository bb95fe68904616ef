"""What absolute URLs start with: nothing but a host ever stands where a host stands."""

from typing import Any

import pytest
from roomcast.auth.base_url import ROOT_KEY, base_of, mounted
from starlette.requests import HTTPConnection


def reached(host: str | None, public_url: str = "", **more: Any) -> str:
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    scope = {
        "type": "http",
        "scheme": "http",
        "server": ("10.0.0.5", 8000),
        "client": ("10.0.0.9", 5000),
        "headers": headers,
        ROOT_KEY: "/chat",
    }
    return base_of(HTTPConnection(scope | more), public_url)


@pytest.mark.parametrize(
    "host", ["chat.example", "chat.example:8443", "127.0.0.1:8000", "[::1]", "[2001:db8::7]:80"]
)
def test_a_host_stands_in_the_link(host: str) -> None:
    assert reached(host) == f"http://{host}/chat"


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "a b",
        'x"><script>',
        "user:pass@evil.example",
        "user@evil.example",
        "evil.example/a?b=",
        "evil.example#",
        "evil.example\\@good.example",
        "evil.example:port",
        "evil.example:1234567",
        "chat.example\n",
        "[::1",
        "[evil.example]",
        "éxample.org",
    ],
)
def test_what_is_no_host_never_stands_in_a_link(host: str | None) -> None:
    assert reached(host) == "http://10.0.0.5:8000/chat"


def test_the_address_set_for_the_site_is_used_whatever_the_host_says() -> None:
    assert reached("evil.example", "https://chat.example/") == "https://chat.example"


@pytest.mark.parametrize(
    ("client", "said", "scheme"),
    [
        ("127.0.0.1", b"https", "https"),
        ("127.0.0.1", b"javascript", "http"),
        ("10.0.0.9", b"https", "http"),
    ],
)
def test_the_scheme_is_what_a_proxy_on_this_machine_says(
    client: str, said: bytes, scheme: str
) -> None:
    headers = [(b"host", b"chat.example"), (b"x-forwarded-proto", said)]
    assert reached(None, headers=headers, client=(client, 1)) == f"{scheme}://chat.example/chat"


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ({"path": "/api", "raw_path": b"/api"}, ("", "/api")),
        ({"path": "/api"}, ("", "/api")),
        # Starlette, FastAPI: in both, as ASGI has it; the second with uvicorn's --root-path
        ({"path": "/chat/api", "root_path": "/chat"}, ("/chat", "/api")),
        (
            {"path": "/site/chat/api", "root_path": "/site/chat", "raw_path": b"/site/chat/api"},
            ("/site/chat", "/api"),
        ),
        # Litestar: the mount is off the path, and nowhere else
        ({"path": "/api/", "raw_path": b"/chat/api", "root_path": ""}, ("/chat", "/api/")),
        ({"path": "/", "raw_path": b"/chat", "root_path": ""}, ("/chat", "/")),
        ({"path": "/f/ü/", "raw_path": b"/chat/f/%C3%BC"}, ("/chat", "/f/ü/")),
        ({"path": "/ws/", "raw_path": b"/chat/ws/?room_id=1"}, ("/chat", "/ws/")),
        # the same, with a root_path that servers put before the path, or don't
        (
            {"path": "/api/", "raw_path": b"/site/chat/api", "root_path": "/site"},
            ("/site/chat", "/api/"),
        ),
        (
            {"path": "/api/", "raw_path": b"/chat/api", "root_path": "/site"},
            ("/site/chat", "/api/"),
        ),
        # FastAPI(root_path="/site"): what the host has not mounted itself is not in the path
        (
            {
                "path": "/chat/api",
                "raw_path": b"/chat/api",
                "root_path": "/site/chat",
                "app_root_path": "/site",
            },
            ("/site/chat", "/api"),
        ),
        # a path that only looks like the mount
        (
            {"path": "/chatter", "raw_path": b"/chatter", "root_path": "/chat"},
            ("/chat", "/chatter"),
        ),
        # and a host that has rewritten the path: its own business
        ({"path": "/new", "raw_path": b"/old", "root_path": ""}, ("", "/new")),
    ],
)
def test_the_mount_is_found_however_a_host_tells_it(
    scope: dict[str, Any], found: tuple[str, str]
) -> None:
    assert mounted(scope) == found
