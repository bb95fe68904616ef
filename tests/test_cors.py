"""Pages of other origins: which of them may speak for a user."""

import pytest
from roomcast.cors import is_foreign
from starlette.requests import HTTPConnection

from .tokens import authenticator, hooked, request, session_user


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://site.example", "site.example"),
        ("http://site.example", "site.example"),
        ("https://site.example", "site.example:443"),
        ("https://site.example:443", "site.example"),
        ("http://site.example:80", "site.example"),
        ("http://site.example", "site.example:80"),
        ("https://SITE.example", "Site.Example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://shop.example", "chat.example"),
        ("https://shop.example:443", "chat.example"),
        ("https://deep.example:8443", "chat.example"),
        ("capacitor://localhost", "chat.example"),
    ],
)
def test_the_same_host_and_the_allowed_origins_pass(origin, host):
    allowed = ("https://shop.example", "https://deep.example:8443/", "capacitor://localhost")
    assert not is_foreign(origin, host, allowed)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://eve.example", "site.example"),
        ("https://site.example.eve.example", "site.example"),
        ("https://evesite.example", "site.example"),
        ("https://chat.site.example", "site.example"),
        ("https://site.example", "chat.site.example"),
        ("https://site.example:8443", "site.example"),
        ("https://site.example", "site.example:8443"),
        ("https://site.example", "site.example:80"),
        ("https://site.example:0", "site.example"),
        ("https://site.example@eve.example", "site.example"),
        ("https://user@site.example", "site.example"),
        ("https://eve.example/site.example", "site.example"),
        ("https://eve.example", "eve.example@site.example"),
        ("https://eve.example", "eve.example/site.example"),
        ("http://shop.example", "site.example"),
        ("https://shop.example:8443", "site.example"),
        ("https://site.example:port", "site.example"),
        ("https://[::1", "[::1"),
        ("site.example", "site.example"),
        ("//site.example", "site.example"),
        ("file://", "site.example"),
        ("capacitor://site.example", "site.example"),
        ("null", "site.example"),
        ("null", "null"),
        ("", "site.example"),
        ("", ""),
        ("*", "site.example"),
        ("https://site.example", ""),
        ("https://", ""),
    ],
)
def test_every_other_origin_is_foreign(origin, host):
    assert is_foreign(origin, host, ("https://shop.example", "null"))


def from_page(*origins: str) -> HTTPConnection:
    return request(("host", "site.example"), *(("origin", origin) for origin in origins))


def test_where_a_hook_decides_the_page_must_be_of_this_site_or_allowed():
    by = hooked(session_user, "https://shop.example")
    assert not by.foreign_origin(from_page())
    assert not by.foreign_origin(from_page("https://site.example"))
    assert not by.foreign_origin(from_page("https://shop.example"))
    assert by.foreign_origin(from_page("https://eve.example"))
    assert by.foreign_origin(from_page("null"))
    assert by.foreign_origin(from_page("https://site.example", "https://eve.example"))
    assert by.foreign_origin(request(("origin", "https://site.example")))


@pytest.mark.parametrize("origin", ["https://eve.example", "null", "file://"])
def test_a_token_proves_itself_from_any_origin(origin):
    assert hooked().foreign_origin(from_page(origin))
    assert not authenticator().foreign_origin(from_page(origin))
