"""Links that can't be forged, and the headers of the files behind them."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.chat.attachments import links
from roomcast.chat.attachments.headers import disposition, headers
from roomcast.chat.attachments.media_types import (
    ANY,
    AVIF,
    GIF,
    HEIC,
    HEIF,
    JPEG,
    PDF,
    PNG,
    TEXT,
    WEBP,
    ZIP,
)
from roomcast.chat.attachments.names import safe_name
from roomcast.protocol.errors import Forbidden

from .test_file_names import KINDS, NASTY

SECRET = b"a secret of the test, and no other one"
NOW = 1_763_830_000.0

# ---------------------------------------------------------------- links

KEY = "0123456789abcdef" * 2
EXPIRES = int(NOW) + 60


def parts(url: str, base: str) -> tuple[str, dict[str, str]]:
    """A URL as an app sees it: the path behind /files/, decoded, and the query."""
    split = urlsplit(url.removeprefix(base + "/files/"))
    return unquote(split.path), dict(parse_qsl(split.query))


def download(name: str = "a b.png", kind: str = PNG) -> tuple[str, dict[str, str]]:
    return parts(links.download_url(SECRET, "http://h", KEY, name, kind, EXPIRES), "http://h")


def upload() -> tuple[str, dict[str, str]]:
    url = links.upload_url(SECRET, "http://h", f"uploads/{KEY}", PNG, 68, EXPIRES)
    return parts(url, "http://h")


def test_a_link_leads_to_one_object_under_its_name_and_type() -> None:
    path, query = download()
    assert links.download_of(SECRET, path, query, NOW) == links.DownloadLink(KEY, "a b.png", PNG)


def test_a_link_is_absolute_and_carries_the_name_in_its_path() -> None:
    url = links.download_url(SECRET, "https://a.example/chat", KEY, "моє (1).png", PNG, EXPIRES)
    assert url.startswith(f"https://a.example/chat/files/{KEY}/%D0%BC%D0%BE%D1%94%20%281%29.png?")
    assert url.isascii()
    assert set(dict(parse_qsl(urlsplit(url).query))) == {"type", "expires", "signature"}


def test_the_extension_in_a_link_is_in_lower_case() -> None:
    path, query = download("IMG_1.JPG", JPEG)
    assert path.endswith("/IMG_1.jpg")
    assert links.download_of(SECRET, path, query, NOW).name == "IMG_1.jpg"


@given(st.text() | NASTY, KINDS)
def test_every_safe_name_comes_back_from_its_link(name: str, kind: str) -> None:
    safe = safe_name(name, kind)
    path, query = download(safe, kind)
    assert links.download_of(SECRET, path, query, NOW).name.lower() == safe.lower()


def test_an_upload_link_tells_what_may_be_put_there() -> None:
    path, query = upload()
    expected = links.UploadLink(f"uploads/{KEY}", PNG, 68)
    assert links.upload_of(SECRET, path, query, NOW) == expected


def test_a_link_expires() -> None:
    path, query = download()
    assert links.download_of(SECRET, path, query, EXPIRES)
    with pytest.raises(Forbidden, match="expired"):
        links.download_of(SECRET, path, query, EXPIRES + 1)


def test_an_upload_link_expires() -> None:
    path, query = upload()
    assert links.upload_of(SECRET, path, query, EXPIRES)
    with pytest.raises(Forbidden, match="expired"):
        links.upload_of(SECRET, path, query, EXPIRES + 1)


CHANGES = [
    pytest.param({"type": "text/html"}, id="type"),
    pytest.param({"expires": str(EXPIRES + 1)}, id="expires"),
    pytest.param({"expires": f"0{EXPIRES}"}, id="expires-spelled-otherwise"),
    pytest.param({"expires": "never"}, id="expires-no-number"),
    pytest.param({"signature": ""}, id="no-signature"),
    pytest.param({"signature": "é\ud800"}, id="signature-no-ascii"),
    pytest.param({"signature": "A" * 43}, id="signature-made-up"),
    pytest.param({"type": f"{PNG}\n\n{EXPIRES}"}, id="newlines"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_link_is_forbidden(change: dict[str, str]) -> None:
    path, query = download()
    assert links.download_of(SECRET, path, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        links.download_of(SECRET, path, query | change, NOW)


@pytest.mark.parametrize("change", [*CHANGES, pytest.param({"size": "69"}, id="size")])
def test_a_changed_upload_link_is_forbidden(change: dict[str, str]) -> None:
    path, query = upload()
    assert links.upload_of(SECRET, path, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        links.upload_of(SECRET, path, query | change, NOW)


@pytest.mark.parametrize(
    "path",
    [
        f"{KEY}/b.png",
        f"{KEY}/a b.html",
        f"{KEY}/a b.png/",
        f"{KEY}//a b.png",
        "x/a b.png",
        "a b.png",
        KEY,
        "",
        "/",
        "\ud800",
        f"{KEY}/a b.png\n{PNG}",
    ],
)
def test_a_signature_is_good_for_one_path_alone(path: str) -> None:
    right, query = download()
    assert links.download_of(SECRET, right, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        links.download_of(SECRET, path, query, NOW)


def test_a_link_without_a_query_is_forbidden() -> None:
    with pytest.raises(Forbidden):
        links.download_of(SECRET, f"{KEY}/a b.png", {}, NOW)
    with pytest.raises(Forbidden):
        links.upload_of(SECRET, KEY, {}, NOW)


def test_a_link_to_read_is_none_to_write_and_the_other_way_round() -> None:
    path, query = upload()
    with pytest.raises(Forbidden):
        links.download_of(SECRET, f"{path}/a b.png", query, NOW)
    path, query = download()
    with pytest.raises(Forbidden):
        links.upload_of(SECRET, path, query | {"size": ""}, NOW)


def test_a_link_of_another_server_is_forbidden() -> None:
    path, query = download()
    with pytest.raises(Forbidden):
        links.download_of(b"another secret", path, query, NOW)


def test_links_made_soon_after_each_other_are_equal() -> None:
    first = links.expires_at(NOW, 86_400)
    assert NOW + 86_400 <= first <= NOW + 86_400 + 3600
    assert {links.expires_at(first - 86_400 - ago, 86_400) for ago in (0, 1.5, 3599)} == {first}


@given(st.floats(0, 1e10), st.floats(0, 1e6))
def test_a_link_lives_at_least_as_long_as_said(now: float, ttl: float) -> None:
    expires = links.expires_at(now, ttl)
    assert now + ttl <= expires <= now + ttl + max(1, ttl / 24)


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (PNG, "inline"),
        (JPEG, "inline"),
        (GIF, "inline"),
        (WEBP, "inline"),
        (HEIC, "inline"),
        (HEIF, "inline"),
        (AVIF, "inline"),
        (PDF, "inline"),
        (TEXT, "attachment"),
        (ZIP, "attachment"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        (ANY, "attachment"),
    ],
)
def test_only_pictures_and_pdf_are_shown_in_the_browser(kind: str, way: str) -> None:
    assert disposition(kind, "a") == f'{way}; filename="a"'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Screen shot (1).png", 'inline; filename="Screen shot (1).png"'),
        (
            "фото.png",
            "inline; filename=\"____.png\"; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE.png",
        ),
        ("100%.png", "inline; filename=\"100_.png\"; filename*=UTF-8''100%25.png"),
        ('a"\\\r\n.png', "inline; filename=\"a____.png\"; filename*=UTF-8''a%22%5C%0D%0A.png"),
    ],
)
def test_a_name_is_told_to_old_and_new_browsers(name: str, said: str) -> None:
    assert disposition(PNG, name) == said


def test_a_file_can_do_nothing_where_it_is_shown() -> None:
    sent = headers(TEXT, "a.txt")
    assert sent["Content-Type"] == "text/plain; charset=utf-8"
    assert sent["X-Content-Type-Options"] == "nosniff"
    policy = sent["Content-Security-Policy"].split("; ")
    assert policy == ["default-src 'none'", "sandbox", "frame-ancestors 'none'"]


def test_a_picture_shows_in_a_page_of_any_origin() -> None:
    sent = headers(PNG, "a.png")
    assert sent["Content-Type"] == "image/png"
    assert sent["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert sent["Access-Control-Allow-Origin"] == "*"
    assert sent["Cache-Control"].startswith("private, max-age=")
